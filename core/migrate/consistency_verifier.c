/* Guarantees: what it calls equal has the same events with the same bytes in every copied column; it changes
 * nothing; its memory does not grow with the tenant. Both servers work at the same time. */
#include "migrate/consistency_verifier.h"

#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "migrate/row_hash.h"
#include "sql_embedded.h"

#define RECORD_MAX (16 * 1024) /* text of one expression per column, at most STORE_COLUMNS_MAX of them */

bool verifier_digest_sql(const struct store_shape *source, const struct store_shape *target,
                         const struct store_shape *side, struct buf *ret_sql, struct tmv_error *err)
{
    AUTO(buf) struct buf record = BUF_INIT(RECORD_MAX);

    row_hash_record(source, target, side, &record);
    if (!buf_ok(&record, err))
        return false;
    const struct pgx_var vars[] = {{"record", buf_text(&record)}, {"barrier", "OFFSET 0"}};
    return store_sql(ret_sql, sql_verify_digest, side, vars, ARRAY_LEN(vars), err);
}

void verifier_read_digest(const struct pgx_result *result, struct range_digest *ret_digest)
{
    memset(ret_digest, 0, sizeof *ret_digest);
    ret_digest->events = pgx_int(result, 0, 0);
    for (int i = 0; i < (int)ARRAY_LEN(ret_digest->sums); i++)
        text_copy(ret_digest->sums[i], sizeof ret_digest->sums[i], pgx_text(result, 0, i + 1));
}

bool range_digest_equal(const struct range_digest *a, const struct range_digest *b)
{
    bool equal = a->events == b->events;

    for (size_t i = 0; i < ARRAY_LEN(a->sums); i++)
        equal = equal && strcmp(a->sums[i], b->sums[i]) == 0;
    return equal;
}
