/* store/db_params.h - the inside of struct db_params, shared by db.c and db_params.c. */
#ifndef CIRT_STORE_DB_PARAMS_H
#define CIRT_STORE_DB_PARAMS_H

#include "base/buf.h"
#include "store/db.h"

struct db_params {
    int count;
    const char *values[DB_PARAMETERS_MAX];
    int lengths[DB_PARAMETERS_MAX], formats[DB_PARAMETERS_MAX];
    struct buf own[DB_PARAMETERS_MAX]; /* memory of numbers */
};

#endif
