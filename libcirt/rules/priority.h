/* rules/priority.h - urgency: 1 critical, 2 high, 3 medium, 4 low (the database's numbers), and the time for the first look. */
#ifndef CIRT_RULES_PRIORITY_H
#define CIRT_RULES_PRIORITY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"

enum { PRIORITY_CRITICAL = 1, PRIORITY_HIGH = 2, PRIORITY_MEDIUM = 3, PRIORITY_LOW = 4 };

const char *priority_name(int priority);                         /* NULL outside 1..4 */
bool priority_parse(const char *name, int *priority) MUST_CHECK; /* any case; false for another name or NULL */

/* What a new case of this RSIT class gets where no rule says otherwise; medium for NULL and unknown names. */
int priority_of_class(const char *class_name);

/* Until when somebody should have looked: microseconds. Critical 1 hour, high 4 hours, medium 1 day, low 5 days after `from`. */
int64_t priority_due(int priority, int64_t from);

#endif
