/* The table of screens: a new screen is one file and one row here. */
#include "view/model.h"

static const struct screen *const screens[] = {
    &screen_fleet, &screen_migration, &screen_cutover, &screen_events, &screen_stores, &screen_history,
};

int screen_count(void)
{
    return (int)(sizeof screens / sizeof *screens);
}

const struct screen *screen_at(int index)
{
    return screens[index];
}

int screen_by_key(char key)
{
    for (int i = 0; i < screen_count(); i++)
        if (screens[i]->key == key)
            return i;
    return -1;
}
