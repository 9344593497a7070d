/* What every JSON output must be. */
#pragma once

#include <cjson/cJSON.h>
#include <string.h>

#include "test.h"

/* Fails when an object holds a key twice, at any depth: readers keep one of the values, and not all the same.
 */
static inline void has_no_key_twice(const cJSON *item)
{
    const cJSON *member, *other;

    cJSON_ArrayForEach(member, item)
    {
        for (other = member->next; cJSON_IsObject(item) && other; other = other->next)
            if (strcmp(member->string, other->string) == 0)
                fail_msg("the key \"%s\" is there twice: %s", member->string, cJSON_Print(item));
        has_no_key_twice(member);
    }
}
