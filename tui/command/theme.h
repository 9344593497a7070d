/* tenantmv theme list, check, preview: what colour themes there are, and whether people can read them. */
#pragma once

/* Names of all themes, one a line on standard output; for completion. */
void theme_print_names(void);
