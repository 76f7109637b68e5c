/* base/attr.h - compiler attributes used in every layer. */
#ifndef CIRT_BASE_ATTR_H
#define CIRT_BASE_ATTR_H

#define MUST_CHECK                  __attribute__((warn_unused_result))
#define PRINTF_LIKE(text_at, first) __attribute__((__format__(printf, text_at, first)))
#define UNUSED(x)                   ((void)(x))
#define ARRAY_SIZE(a)               (sizeof(a) / sizeof((a)[0]))

#endif
