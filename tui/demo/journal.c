#include "demo/journal.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "lib/err.h"
#include "lib/lock.h"
#include "lib/outfile.h"

struct sheet {
    char path[256];
    struct outfile file;
    pthread_mutex_t lock;
};

struct journal {
    size_t count;
    struct sheet *sheets; /* owned, one for each tenant */
};

static bool sheet_open(struct sheet *sheet, const char *directory, size_t number, struct tmv_error *err)
{
    snprintf(sheet->path, sizeof sheet->path, "%.200s/tenant-%zu", directory, number);
    if (!outfile_create(&sheet->file, sheet->path, false) || fchmod(sheet->file.fd, 0644) != 0)
        return err_errno(err, "cannot write %s", sheet->path);
    return true;
}

bool journal_open(const char *directory, size_t tenants, struct journal **ret_journal, struct tmv_error *err)
{
    struct journal *j = calloc(1, sizeof *j);

    if (j)
        j->sheets = calloc(tenants ? tenants : 1, sizeof *j->sheets);
    if (!j || !j->sheets) {
        free(j);
        return err_set(err, TMV_ERR_NOMEM, "no memory for the writers' journal");
    }
    for (; j->count < tenants; j->count++) {
        lock_init(&j->sheets[j->count].lock);
        if (!sheet_open(&j->sheets[j->count], directory, j->count, err)) {
            j->count++;
            journal_close(j);
            return false;
        }
    }
    *ret_journal = j;
    return true;
}

void journal_close(struct journal *j)
{
    if (!j)
        return;
    for (size_t i = 0; i < j->count; i++) {
        outfile_close(&j->sheets[i].file); /* its last entries were flushed before they were compared */
        pthread_mutex_destroy(&j->sheets[i].lock);
    }
    free(j->sheets);
    free(j);
}

void journal_add(struct journal *j, size_t tenant, const struct journal_entry *entry)
{
    struct sheet *sheet = &j->sheets[tenant];
    char event[TMV_UUID_TEXT], stream[TMV_UUID_TEXT], position[24] = "";

    tmv_uuid_format(&entry->event, event);
    tmv_uuid_format(&entry->stream, stream);
    if (entry->position)
        snprintf(position, sizeof position, "%" PRId64, entry->position);
    pthread_mutex_lock(&sheet->lock);
    fprintf(sheet->file.stream, "%s\t%s\t%s\t%" PRId64 "\t%s\t%c\n", event, stream, entry->kind,
            entry->version, position, entry->known ? 't' : 'f');
    pthread_mutex_unlock(&sheet->lock);
}

bool journal_flush(struct journal *j, size_t tenant, struct tmv_error *err)
{
    struct sheet *sheet = &j->sheets[tenant];

    pthread_mutex_lock(&sheet->lock);
    int cause = outfile_flush(&sheet->file);
    pthread_mutex_unlock(&sheet->lock);
    errno = cause;
    return cause == 0 || err_errno(err, "cannot write %s", sheet->path);
}

const char *journal_path(const struct journal *j, size_t tenant)
{
    return j->sheets[tenant].path;
}
