#include "export/bundle.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/text.h"
#include "screens/events.h"
#include "view/states.h"
#include "widgets/format.h"

void export_path(const char *what, int64_t wall_us, const char *suffix, char path[EXPORT_PATH_MAX])
{
    char time[FORMAT_MAX], safe[80];
    size_t n = 0, k = 0;

    for (; what[n] != '\0' && n + 1 < sizeof safe; n++) {
        bool plain = (what[n] >= 'a' && what[n] <= 'z') || (what[n] >= 'A' && what[n] <= 'Z') ||
                     (what[n] >= '0' && what[n] <= '9') || what[n] == '-';
        safe[n] = plain ? what[n] : '_';
    }
    safe[n] = '\0';
    format_time(wall_us, time);
    for (size_t i = 0; time[i] != '\0'; i++)
        if (time[i] != '-' && time[i] != ':')
            time[k++] = time[i];
    time[k] = '\0';
    snprintf(path, EXPORT_PATH_MAX, "tenantmv-%s-%s%s", safe, time, suffix);
}

bool export_open(struct outfile *ret_file, const char *path, char *why, size_t why_size)
{
    if (outfile_create(ret_file, path, true))
        return true;
    snprintf(why, why_size, "%s: %s", PATH_ARGUMENT(path), strerror(errno));
    return false;
}

bool export_close(struct outfile *file, const char *path, char *why, size_t why_size)
{
    int cause = outfile_close(file);

    if (cause != 0)
        snprintf(why, why_size, "%s was not written: %s", PATH_ARGUMENT(path), strerror(cause));
    return cause == 0;
}

void export_fleet_csv(const struct tmv_snapshot *snapshot, const struct tenant_names *names, FILE *out)
{
    sheet_csv(&sheet_migrations, snapshot->migrations, snapshot->migration_count, names, out);
}

void export_fleet_json(const struct tmv_snapshot *snapshot, const struct tenant_names *names, FILE *out)
{
    char time[FORMAT_MAX];

    fprintf(out, "{\"taken_at\": \"%s\",\n\"migrations\": ", format_time(snapshot->taken_at_us, time));
    sheet_json(&sheet_migrations, snapshot->migrations, snapshot->migration_count, names, out);
    fputs(",\n\"attempts\": ", out);
    sheet_json(&sheet_attempts, snapshot->attempts, snapshot->attempt_count, names, out);
    fputs(",\n\"events\": ", out);
    sheet_json(&sheet_events, snapshot->events, snapshot->event_count, names, out);
    fputs("}\n", out);
}

/* ---- the bundle ---- */

/* The parts of a record, in the order in which they are written. */
struct part {
    const struct sheet *sheet;
    const void *rows;
    size_t count;
};

#define PARTS 6

static void list_parts(const struct tmv_migration *m, const struct tmv_record *record,
                       struct part parts[PARTS])
{
    parts[0] = (struct part){&sheet_events, record->events, record->event_count};
    parts[1] = (struct part){&sheet_commands, record->commands, record->command_count};
    parts[2] = (struct part){&sheet_attempts, record->attempts, record->attempt_count};
    parts[3] = (struct part){&sheet_verifications, record->verifications, record->verification_count};
    parts[4] = (struct part){&sheet_gates, m->gates, m->gate_count};
    parts[5] = (struct part){&sheet_samples, record->samples, record->sample_count};
}

/* Text in a Markdown table: no pipe ends a cell, no character is more than it looks. */
static void cell(const char *text, FILE *out)
{
    char grapheme[CELL_BYTES];
    int width;

    for (size_t n; (n = grapheme_next(text, grapheme, &width)) > 0; text += n)
        fprintf(out, "%s%s", strchr("|\\`*_<[", grapheme[0]) ? "\\" : "", grapheme);
}

static void write_times(const struct tmv_migration *m, FILE *out)
{
    const struct {
        const char *what;
        int64_t at_us;
    } times[] = {
        {"asked for", m->created_at_us},          {"started", m->started_at_us},
        {"copied", m->bulk_copy_completed_at_us}, {"dual write", m->dual_write_started_at_us},
        {"cutover", m->cutover_started_at_us},    {"ended", m->completed_at_us},
    };
    char time[FORMAT_MAX], took[FORMAT_MAX];
    int64_t before_us = 0;

    fputs("\n## Timings\n\n| step | at | after the one before |\n|---|---|---|\n", out);
    for (size_t i = 0; i < sizeof times / sizeof *times; i++) {
        if (times[i].at_us <= 0)
            continue;
        fprintf(out, "| %s | %s | %s |\n", times[i].what, format_time(times[i].at_us, time),
                before_us > 0 ? format_duration(times[i].at_us - before_us, took) : "");
        before_us = times[i].at_us;
    }
}

static void write_gates(const struct tmv_migration *m, FILE *out)
{
    fputs("\n## Gates of the cutover, as last seen\n\n| gate | | seen |\n|---|---|---|\n", out);
    for (size_t i = 0; i < m->gate_count; i++) {
        fputs("| ", out);
        cell(m->gates[i].name, out);
        fprintf(out, " | %s | ", m->gates[i].unknown ? "not known" : m->gates[i].green ? "green" : "RED");
        cell(m->gates[i].seen, out);
        fputs(" |\n", out);
    }
}

static void write_attempts(const struct tmv_record *record, FILE *out)
{
    char time[FORMAT_MAX], us[4][FORMAT_MAX];

    fputs("\n## Cutovers and rehearsals, newest first\n\n| at | # | outcome | by | lock | drain | decide | "
          "pause | "
          "events | writers held | why |\n|---|---|---|---|---|---|---|---|---|---|---|\n",
          out);
    for (size_t i = 0; i < record->attempt_count; i++) {
        const struct tmv_attempt *a = &record->attempts[i];
        fprintf(out, "| %s | %d%s | ", format_time(a->started_at_us, time), a->number,
                a->rehearsal ? " rehearsal" : "");
        cell(tmv_attempt_outcome_name(a->outcome), out);
        fputs(" | ", out);
        cell(a->requested_by, out);
        fprintf(out, " | %s | %s | %s | %s | %" PRId64 " | %" PRId64 " | ",
                format_duration(a->lock_us, us[0]), format_duration(a->drain_us, us[1]),
                format_duration(a->decide_us, us[2]), format_duration(a->pause_us, us[3]), a->drained_events,
                a->held_writers);
        cell(a->reason, out);
        fputs(" |\n", out);
    }
}

static void write_who(const struct tmv_record *record, FILE *out)
{
    char time[FORMAT_MAX];

    fputs("\n## Who did what\n\n| at | who | from | asked for | outcome |\n|---|---|---|---|---|\n", out);
    for (size_t i = 0; i < record->command_count; i++) {
        const struct tmv_command_info *c = &record->commands[i];
        fprintf(out, "| %s | ", format_time(c->requested_at_us, time));
        cell(c->requested_by, out);
        fputs(" | ", out);
        cell(c->requested_from, out);
        fprintf(out, " | %s | %s ", tmv_operation_name(c->operation), tmv_command_state_name(c->state));
        cell(c->outcome, out);
        fputs(" |\n", out);
    }
}

static void write_events(const struct tmv_record *record, FILE *out)
{
    char time[FORMAT_MAX], words[1024];

    fputs("\n## What happened\n\n| at | what |\n|---|---|\n", out);
    for (size_t i = 0; i < record->event_count; i++) {
        event_words(&record->events[i], words, sizeof words);
        fprintf(out, "| %s | ", format_time(record->events[i].occurred_at_us, time));
        cell(words, out);
        fputs(" |\n", out);
    }
}

static void write_readme(const struct tmv_migration *m, const struct tmv_record *record,
                         const struct tenant_names *names, FILE *out)
{
    char tenant[TMV_UUID_TEXT], id[TMV_UUID_TEXT], name[TENANT_NAME_MAX];

    fputs("# Migration of ", out);
    cell(tenant_typed(names, &m->tenant, name), out);
    fprintf(out, "\n\n- tenant %s\n- migration %s\n- from ", tmv_uuid_format(&m->tenant, tenant),
            tmv_uuid_format(&m->id, id));
    cell(m->source, out);
    fputs(" to ", out);
    cell(m->target, out);
    fprintf(out, "\n- state %s, phase %s, %d %% copied, %" PRId64 " events\n- engine ",
            state_look(m->show)->word, tmv_phase_name(m->phase), m->percent, m->events_copied);
    cell(m->owner[0] != '\0' ? m->owner : "none", out);
    fprintf(out, "\n- objects that the ledger still holds in the stores: %" PRId64 "\n", record->left_behind);
    if (m->last_error[0] != '\0') {
        fputs("- last error: ", out);
        cell(m->last_error, out);
        fputc('\n', out);
    }
    write_times(m, out);
    write_gates(m, out);
    write_attempts(record, out);
    write_who(record, out);
    write_events(record, out);
}

static void write_json(const struct tmv_migration *m, const struct part parts[PARTS],
                       const struct tenant_names *names, FILE *out)
{
    fputs("{\"migration\": ", out);
    sheet_json(&sheet_migrations, m, 1, names, out);
    for (int i = 0; i < PARTS; i++) {
        fprintf(out, ",\n\"%s\": ", parts[i].sheet->name);
        sheet_json(parts[i].sheet, parts[i].rows, parts[i].count, names, out);
    }
    fputs("}\n", out);
}

static bool open_in(struct outfile *ret_file, const char *folder, const char *name,
                    char path[EXPORT_PATH_MAX], char *why, size_t why_size)
{
    snprintf(path, EXPORT_PATH_MAX, "%.300s/%.60s", folder, name);
    return export_open(ret_file, path, why, why_size);
}

bool export_bundle(const char *path, const struct tmv_migration *m, const struct tmv_record *record,
                   const struct tenant_names *names, char *why, size_t why_size)
{
    char file_path[EXPORT_PATH_MAX], name[64];
    struct part parts[PARTS];
    struct outfile file;

    if (mkdir(path, 0777) != 0) {
        snprintf(why, why_size, "%s: %s", PATH_ARGUMENT(path), strerror(errno));
        return false;
    }
    list_parts(m, record, parts);
    if (!open_in(&file, path, "README.md", file_path, why, why_size))
        return false;
    write_readme(m, record, names, file.stream);
    if (!export_close(&file, file_path, why, why_size))
        return false;
    if (!open_in(&file, path, "migration.json", file_path, why, why_size))
        return false;
    write_json(m, parts, names, file.stream);
    if (!export_close(&file, file_path, why, why_size))
        return false;
    for (int i = 0; i < PARTS; i++) {
        snprintf(name, sizeof name, "%s.csv", parts[i].sheet->name);
        if (!open_in(&file, path, name, file_path, why, why_size))
            return false;
        sheet_csv(parts[i].sheet, parts[i].rows, parts[i].count, names, file.stream);
        if (!export_close(&file, file_path, why, why_size))
            return false;
    }
    return true;
}
