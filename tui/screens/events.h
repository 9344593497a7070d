/* The latest audit entries as lines of words. */
#pragma once

#include "view/model.h"

/* One entry in words ("cutover 1 completed"), without time and tenant, and its role. */
enum role event_words(const struct tmv_audit_entry *entry, char *text, size_t size);
/* Its type alone ("cutover completed"). */
const char *event_type_words(const struct tmv_audit_entry *entry);
/* The newest entries that fit, newest first; of one migration when `only` is not NULL. Draws its own title
 * line. */
void events_draw(const struct model *model, struct canvas *canvas, struct rect area,
                 const struct tmv_uuid *only);
