/* The configuration of the program: file, environment and command line, each stronger than the one before.
 *
 * One table of keys describes all of it: what the file may contain, which environment variable and which
 * option stand for the same, and the documentation. A mistake in the file is an error that names file, line
 * and key. Passwords are refused wherever they stand.
 */
#pragma once

#include "cli/option.h"
#include "tenantmv/control.h"

#define CONFIG_ALIAS_MAX 64

struct alias {
    char name[CONFIG_ALIAS_MAX]; /* letters, digits, '.', '_', '-' */
    struct tmv_uuid tenant;
};

struct config {
    const char *control;       /* connection string of the control database, NULL: none given */
    const char *environment;   /* badge on screens and in questions, "PROD"; NULL: none */
    const char *operator_name; /* who acts; never NULL after config_complete */
    const char *theme;         /* name or file of the console's colour theme, NULL: its default */
    const char *theme_prod;    /* the same for environments of a kind, NULL: as everywhere */
    const char *theme_staging;
    const char *theme_dev;
    const char *color;      /* "auto", "always", "never" */
    const char *webhook;    /* URL that an engine tells of moves, NULL: none */
    bool ascii;             /* no characters beyond ASCII on screens */
    int64_t max_migrations; /* an engine runs at most so many at once */
    struct alias *aliases;  /* owned */
    size_t alias_count;
    void *memory; /* owned: what the strings above point into */
};

/* One key. */
struct config_key {
    struct option_spec spec; /* name in the file, type, range, place in struct config, help */
    const char *variable;    /* environment variable, NULL: none */
    bool is_conninfo;        /* checked as a connection string without a password */
};
extern const struct config_key config_keys[]; /* ends with a NULL spec.name */

/* The defaults. */
void config_init(struct config *config);
void config_release(struct config *config);
/* Reads the file `path`, or where it usually lies when NULL ($TENANTMV_CONFIG,
 * $XDG_CONFIG_HOME/tenantmv/config.json,
 * ~/.config/…), where it may be missing. */
TMV_NODISCARD bool config_read_file(struct config *config, const char *path, struct tmv_error *err);
/* Reads a configuration from text; `place` names it in messages. */
TMV_NODISCARD bool config_read_text(struct config *config, const char *place, const char *text,
                                    struct tmv_error *err);
/* Takes what the environment says. */
TMV_NODISCARD bool config_read_environment(struct config *config, struct tmv_error *err);
/* Path of the file when none is named; false when there is no home directory. */
bool config_default_path(char *path, size_t size);
/* The alias of a tenant, or NULL. */
const char *config_alias(const struct config *config, const struct tmv_uuid *tenant);
