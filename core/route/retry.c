#include "route/retry.h"

#include <stdlib.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/json.h"
#include "lib/text.h"

/* At most one row fits an error: a row with a SQLSTATE is for that one only, and the plain row of a code is
 * for the others. No row: give up. */
static const struct {
    enum tmv_code code;
    const char *sqlstate; /* NULL: every other one */
    enum retry_action append;
    enum retry_action read;
} table[] = {
    {TMV_ERR_MOVED, NULL, RETRY_FOLLOW, RETRY_GIVE_UP}, /* reads are never fenced */
    {TMV_ERR_CLOSED, NULL, RETRY_LATER, RETRY_GIVE_UP}, /* held longer than the store lets a writer wait */
    {TMV_ERR_SQL, "40001", RETRY_LATER, RETRY_LATER}, /* serialization_failure: the fence changed meanwhile */
    {TMV_ERR_SQL, "40P01", RETRY_LATER, RETRY_LATER}, /* deadlock_detected */
    {TMV_ERR_SQL, "55P03", RETRY_LATER, RETRY_LATER}, /* lock_not_available */
    {TMV_ERR_SQL, "57014", RETRY_LATER, RETRY_GIVE_UP}, /* query_canceled, by somebody or by the time limit */
    {TMV_ERR_UNREACHABLE, NULL, RETRY_LATER, RETRY_LATER}, /* nothing was sent */
    {TMV_ERR_UNKNOWN, NULL, RETRY_LATER, RETRY_LATER}, /* the ids of the events make the repetition safe */
};

static enum retry_action look_up(const struct tmv_error *err, bool read)
{
    enum retry_action plain = RETRY_GIVE_UP;

    if (tmv_error_classify(err) == TMV_CLASS_OPERATOR && err->code == TMV_ERR_UNREACHABLE)
        return RETRY_GIVE_UP; /* a wrong password does not get better */
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        enum retry_action action = read ? table[i].read : table[i].append;

        if (table[i].code != err->code)
            continue;
        if (!table[i].sqlstate)
            plain = action;
        else if (strcmp(table[i].sqlstate, err->sqlstate) == 0)
            return action;
    }
    return plain;
}

enum retry_action retry_decide(const struct tmv_error *err, int64_t expected_version, bool unsure)
{
    enum retry_action action = look_up(err, false);
    bool lost_a_race = err->code == TMV_ERR_VERSION && err->constraint[0];

    if (action != RETRY_GIVE_UP)
        return action;
    if (unsure)
        return RETRY_RESOLVE;
    if (lost_a_race && (expected_version == TMV_EXPECT_ANY || expected_version == TMV_EXPECT_STREAM_EXISTS))
        return RETRY_NOW; /* the expectation still holds */
    return RETRY_GIVE_UP;
}

enum retry_action retry_decide_read(const struct tmv_error *err)
{
    return look_up(err, true);
}

int64_t retry_pause_us(int attempt)
{
    int shift = attempt < 1 ? 0 : attempt > 6 ? 5 : attempt - 1;
    int64_t longest = (2 * US_PER_MS) << shift;
    struct tmv_uuid chance = tmv_uuid_random();

    return longest / 2 + longest * (chance.bytes[0] * 256 + chance.bytes[1]) / (2 * 65536);
}

bool retry_read_home(const char *detail, struct retry_home *ret_home)
{
    __attribute__((cleanup(json_auto))) cJSON *root = NULL;
    struct tmv_error ignored;
    const char *store;

    if (!json_parse(detail, &root, &ignored))
        return false;
    store = json_get_text(root, "store_id", NULL);
    ret_home->epoch = json_get_int64(root, "placement_epoch", 0);
    return store && *store && ret_home->epoch > 0 &&
           text_copy(ret_home->store_id, sizeof ret_home->store_id, store);
}
