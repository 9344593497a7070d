/* What the writers were told, tenant by tenant, in files: one line for every event whose append was
 * acknowledged or whose answer was lost, in the order in which the answers came. Memory stays the same
 * however long the writers run.
 *
 * Thread-safe.
 */
#pragma once

#include "tenantmv/types.h"

struct journal;

/* Opens a file for each of `tenants` tenants in `directory`, which the database server must be able to read.
 */
TMV_NODISCARD bool journal_open(const char *directory, size_t tenants, struct journal **ret_journal,
                                struct tmv_error *err);
void journal_close(struct journal *journal); /* NULL is fine; the files stay */

struct journal_entry {
    struct tmv_uuid event, stream;
    const char *kind; /* type of the stream */
    int64_t version;
    int64_t position; /* 0: the writer was not told */
    bool known;       /* false: the answer to the commit was lost */
};
void journal_add(struct journal *journal, size_t tenant, const struct journal_entry *entry);
/* Writes out what is buffered. The file then holds every entry so far; a failed write of any entry is an
 * error here. */
TMV_NODISCARD bool journal_flush(struct journal *journal, size_t tenant, struct tmv_error *err);
const char *journal_path(const struct journal *journal, size_t tenant);
