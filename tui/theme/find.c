/* Where themes lie: the person's folder, the system's, the build tree's, and the program itself. Relative to
 * the program, so that an installation may be moved. */
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "theme/embedded.h"
#include "theme/theme.h"

#define FOLDER_MAX 1024

static bool person_folder(char *path, size_t size)
{
    const char *base = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");

    if (base && base[0] == '/')
        return (size_t)snprintf(path, size, "%s/tenantmv/themes", base) < size;
    return home && home[0] != '\0' && (size_t)snprintf(path, size, "%s/.config/tenantmv/themes", home) < size;
}

/* A folder beside the one that the program stands in. */
static bool beside_program(const char *name, char *path, size_t size)
{
    char program[FOLDER_MAX];
    ssize_t n = readlink("/proc/self/exe", program, sizeof program - 1);

    if (n <= 0)
        return false;
    program[n] = '\0';
    return (size_t)snprintf(path, size, "%s/%s", dirname(dirname(program)), name) < size;
}

bool theme_folder(int number, char *path, size_t size)
{
    bool there = false;

    path[0] = '\0';
    switch (number) {
    case 0:
        there = person_folder(path, size);
        break;
    case 1:
        there = beside_program("share/tenantmv/themes", path, size);
        break;
    case 2:
        there = beside_program("themes", path, size);
        break;
    default:
        return false;
    }
    if (!there)
        path[0] = '\0'; /* nothing lies in a folder without a name */
    return true;
}

static bool is_path(const char *name)
{
    size_t length = strlen(name);

    return strchr(name, '/') || (length > 6 && strcmp(name + length - 6, ".theme") == 0);
}

bool theme_find(const char *name, char *path, size_t size)
{
    char folder[FOLDER_MAX];

    path[0] = '\0';
    if (is_path(name))
        return (size_t)snprintf(path, size, "%s", name) < size;
    for (int i = 0; theme_folder(i, folder, sizeof folder); i++) {
        if (folder[0] == '\0' || (size_t)snprintf(path, size, "%s/%s.theme", folder, name) >= size)
            continue;
        if (access(path, R_OK) == 0)
            return true;
    }
    path[0] = '\0';
    for (const struct embedded_theme *e = embedded_themes; e->name; e++)
        if (strcmp(e->name, name) == 0)
            return true;
    return false;
}
