/* Pictures that are compared byte by byte: a folder for each thing that is drawn, a file for each size. With
 * TENANTMV_WRITE_GOLDEN set they are written instead. */
#pragma once

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "test.h"

/* The folder of `name` below `top`, and the file of a size in it; "80x24", or "80x24-mono". Returns `path`.
 */
static inline const char *golden_path(char path[400], const char *top, const char *name, const char *size)
{
    snprintf(path, 400, "%s/%.100s", top, name);
    if (getenv("TENANTMV_WRITE_GOLDEN"))
        (void)mkdir(path, 0777);
    snprintf(path, 400, "%s/%.100s/%.40s.txt", top, name, size);
    return path;
}

/* Compares or writes; frees `text`. */
static inline void assert_golden(char *text, const char *path)
{
    static char golden[400000];
    FILE *file = fopen(path, getenv("TENANTMV_WRITE_GOLDEN") ? "w" : "r");

    if (!file)
        fail_msg("%s is missing", path);
    if (getenv("TENANTMV_WRITE_GOLDEN")) {
        fputs(text, file);
    } else {
        golden[fread(golden, 1, sizeof golden - 1, file)] = '\0';
        if (strcmp(text, golden) != 0)
            fail_msg("%s differs; it is now:\n%s", path, text);
    }
    fclose(file);
    free(text);
}
