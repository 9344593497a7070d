#include "observe/observer.h"

#include <stdlib.h>

#include "lib/cleanup.h"
#include "lib/err.h"
#include "observe/webhook.h"

struct observer {
    /* Sets *ret_self to NULL when the options do not ask for it. */
    bool (*start)(const struct observer_options *options, void **ret_self, struct tmv_error *err);
    void (*tell)(void *self, const struct notice *notice);
    void (*stop)(void *self);
};

static const struct observer table[] = {
    {webhook_observe, webhook_tell, webhook_end},
};

struct observers {
    void *self[ARRAY_LEN(table)]; /* owned; NULL: does not run */
};

bool observers_start(const struct observer_options *options, struct observers **ret_observers,
                     struct tmv_error *err)
{
    struct observers *all = calloc(1, sizeof *all);

    if (!all)
        return err_set(err, TMV_ERR_NOMEM, "no memory for observers");
    for (size_t i = 0; i < ARRAY_LEN(table); i++)
        if (!table[i].start(options, &all->self[i], err)) {
            observers_stop(all);
            return false;
        }
    *ret_observers = all;
    return true;
}

void observers_tell(struct observers *observers, const struct notice *notice)
{
    for (size_t i = 0; observers && i < ARRAY_LEN(table); i++)
        if (observers->self[i])
            table[i].tell(observers->self[i], notice);
}

void observers_stop(struct observers *observers)
{
    for (size_t i = 0; observers && i < ARRAY_LEN(table); i++)
        if (observers->self[i])
            table[i].stop(observers->self[i]);
    free(observers);
}
