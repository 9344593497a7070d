/* Limits of a copy as they are typed into the palette. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "tenantmv/control.h"

#define LIMITS_FORMS "EVENTS | N MB | N workers | none" /* what may follow :throttle */
#define LIMITS_JSON_MAX 300

/* The changes that `typed` asks for, as tmv_settings_change takes them. False: it is none of the forms; what
 * is out of range the control database's side says. */
bool limits_parse(const char *typed, char ret_changes[LIMITS_JSON_MAX]);
/* "5,000 events/s, 2 workers": what limits and holds a copy. */
void limits_words(const struct tmv_settings *settings, char *text, size_t size);
