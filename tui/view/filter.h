/* The language of the fleet's filter: blank-separated terms that all have to hold.
 *
 *   word          tenant, state, store or note contains it      -word        does not
 *   ~expression   one of them matches the regular expression    "two words"  as one word
 *   field:text    the field contains the text                   field=a,b    is one of these
 *   lag>50ms      > < >= <= = != for figures and durations      !field       has nothing to say
 *
 * Case never matters. Pure; a filter that does not parse says why and is not applied.
 */
#pragma once

#include <regex.h>

#include "view/names.h"
#include "tenantmv/snapshot.h"

#define FILTER_TERMS_MAX 12
#define FILTER_PROBLEM_MAX 120

enum filter_op { FILTER_CONTAINS, FILTER_REGEX, FILTER_IS, FILTER_GREATER, FILTER_LESS, FILTER_EMPTY };

struct filter_term {
    int field; /* index into the table of fields, -1: the whole row */
    enum filter_op op;
    bool negated;
    bool or_equal;  /* with GREATER and LESS */
    int64_t number; /* of a figure; microseconds of a duration */
    char text[200]; /* lower case; for IS: alternatives separated by commas */
    regex_t *regex; /* owned; REGEX only */
};
struct filter {
    struct filter_term terms[FILTER_TERMS_MAX];
    int count;
};

/* False with the reason in `problem`; then nothing has to be released. */
bool filter_parse(const char *text, struct filter *ret_filter, char problem[FILTER_PROBLEM_MAX]);
void filter_release(struct filter *filter);

/* What a filter looks at. */
struct filter_subject {
    const struct tmv_migration *migration;
    const char *name; /* of the tenant, as shown */
    const char *who;  /* who asks: "me" */
    int64_t now_us;   /* the database's clock */
};
bool filter_passes(const struct filter *filter, const struct filter_subject *subject);

/* The fields, for help and completion. */
struct filter_field {
    const char *name, *example, *help;
};
int filter_field_count(void);
const struct filter_field *filter_field_at(int index);
