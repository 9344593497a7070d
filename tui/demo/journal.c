#include "demo/journal.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "cli/failure.h"

struct sheet {
    char path[256];
    FILE *file;
    pthread_mutex_t lock;
};

struct journal {
    size_t count;
    struct sheet *sheets; /* owned, one for each tenant */
};

static bool sheet_open(struct sheet *sheet, const char *directory, size_t number, struct tmv_error *err)
{
    snprintf(sheet->path, sizeof sheet->path, "%.200s/tenant-%zu", directory, number);
    sheet->file = fopen(sheet->path, "we");
    if (!sheet->file || fchmod(fileno(sheet->file), 0644) != 0)
        return failure_errno(err, "cannot write %s", sheet->path);
    return true;
}

bool journal_open(const char *directory, size_t tenants, struct journal **ret_journal, struct tmv_error *err)
{
    struct journal *j = calloc(1, sizeof *j);

    if (j)
        j->sheets = calloc(tenants ? tenants : 1, sizeof *j->sheets);
    if (!j || !j->sheets) {
        free(j);
        return failure(err, TMV_ERR_NOMEM, "no memory for the writers' journal");
    }
    for (; j->count < tenants; j->count++) {
        pthread_mutex_init(&j->sheets[j->count].lock, NULL);
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
        if (j->sheets[i].file)
            fclose(j->sheets[i].file);
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
    fprintf(sheet->file, "%s\t%s\t%s\t%" PRId64 "\t%s\t%c\n", event, stream, entry->kind, entry->version,
            position, entry->known ? 't' : 'f');
    pthread_mutex_unlock(&sheet->lock);
}

bool journal_flush(struct journal *j, size_t tenant, struct tmv_error *err)
{
    struct sheet *sheet = &j->sheets[tenant];
    bool ok;

    pthread_mutex_lock(&sheet->lock);
    ok = fflush(sheet->file) == 0 && !ferror(sheet->file);
    pthread_mutex_unlock(&sheet->lock);
    return ok || failure_errno(err, "cannot write %s", sheet->path);
}

const char *journal_path(const struct journal *j, size_t tenant)
{
    return j->sheets[tenant].path;
}
