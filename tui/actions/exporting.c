#include "actions/exporting.h"

#include <stdio.h>
#include <string.h>

#include "export/bundle.h"
#include "lib/text.h"
#include "theme/export.h"
#include "widgets/plain.h"

#define RECORD_WAIT_US INT64_C(15000000)

enum { FORMAT_TEXT, FORMAT_SVG, FORMAT_CSV, FORMAT_JSON, FORMAT_BUNDLE, FORMATS };
static const struct export_format formats[FORMATS] = {
    [FORMAT_TEXT] = {"text", ".txt", "the screen as plain text"},
    [FORMAT_SVG] = {"svg", ".svg", "the screen with its colours, as a picture whose text can be searched"},
    [FORMAT_CSV] = {"csv", ".csv", "all migrations with every figure, for a spreadsheet"},
    [FORMAT_JSON] = {"json", ".json", "all migrations, the latest attempts and events, as JSON"},
    [FORMAT_BUNDLE] =
        {"bundle", "",
         "a folder with all that is kept of the selected migration: what happened, timings, gates, "
         "who did what"},
};

int export_format_count(void)
{
    return FORMATS;
}

const struct export_format *export_format_at(int index)
{
    return &formats[index];
}

/* The screen without the box that the person chose this in. */
static bool write_screen(struct state *state, int format, FILE *out)
{
    struct canvas canvas;

    if (!canvas_init(&canvas, state->cols > 0 ? state->cols : 80, state->rows > 0 ? state->rows : 24))
        return false;
    state_draw(state, &canvas);
    if (format == FORMAT_TEXT)
        plain_write(&canvas, false, out);
    else
        export_svg(&canvas, state->theme, out);
    canvas_release(&canvas);
    return true;
}

static void write_file(struct state *state, int format, const char *path)
{
    const struct model *model = &state->model;
    char why[EXPORT_PATH_MAX + 100] = "no memory for the screen";
    struct outfile file;
    bool well = export_open(&file, path, why, sizeof why);

    if (well && format == FORMAT_CSV)
        export_fleet_csv(model->snapshot, &model->names, file.stream);
    else if (well && format == FORMAT_JSON)
        export_fleet_json(model->snapshot, &model->names, file.stream);
    else if (well && !write_screen(state, format, file.stream))
        well = false;
    if (file.stream)
        well = export_close(&file, path, why, sizeof why) && well;
    if (well)
        state_toast(state, ROLE_TOAST_OK, "written: %s", path);
    else
        state_toast(state, ROLE_TOAST_ERROR, "nothing was written: %s", why);
}

static int format_by_name(const char *name, size_t length)
{
    for (int i = 0; i < FORMATS; i++)
        if (strlen(formats[i].name) == length && strncmp(formats[i].name, name, length) == 0)
            return i;
    return -1;
}

/* The record is read by the monitor; a bundle waits for it. */
static void want_bundle(struct state *state, const struct tmv_migration *m, const char *path)
{
    state->bundle_of = m->id;
    text_copy(state->bundle_path, sizeof state->bundle_path, path);
    state->bundle_until_us = state->model.now_us + RECORD_WAIT_US;
    if (model_record(&state->model, &m->id))
        exporting_record(state);
    else
        state_toast(state, ROLE_TEXT, "reading the record of the migration …");
}

void exporting_start(struct state *state, const char *words)
{
    const struct tmv_migration *m = model_selected(&state->model);
    size_t length = strcspn(words, " ");
    int format = format_by_name(words, length);
    const char *given = words + length + strspn(words + length, " ");
    char path[EXPORT_PATH_MAX], name[TENANT_NAME_MAX];

    if (format < 0) {
        state_toast(state, ROLE_LEVEL_WARN, "formats: text, svg, csv, json, bundle");
        return;
    }
    if (format >= FORMAT_CSV && (!state->model.snapshot || (format == FORMAT_BUNDLE && !m))) {
        state_toast(state, ROLE_LEVEL_WARN, "there is no data yet");
        return;
    }
    if (given[0] != '\0')
        text_copy(path, sizeof path, given);
    else
        export_path(format == FORMAT_BUNDLE ? tenant_typed(&state->model.names, &m->tenant, name)
                    : format < FORMAT_CSV   ? screen_at(state->active)->title
                                            : "fleet",
                    state->model.wall_us, formats[format].suffix, path);
    if (format == FORMAT_BUNDLE)
        want_bundle(state, m, path);
    else
        write_file(state, format, path);
}

void exporting_record(struct state *state)
{
    const struct model *model = &state->model;
    const struct tmv_record *record = model_record(model, &state->bundle_of);
    const struct tmv_migration *m = model_find(model, &state->bundle_of);
    char why[EXPORT_PATH_MAX + 100];

    if (tmv_uuid_is_nil(&state->bundle_of) || !record || !m)
        return;
    memset(&state->bundle_of, 0, sizeof state->bundle_of);
    if (export_bundle(state->bundle_path, m, record, &model->names, why, sizeof why))
        state_toast(state, ROLE_TOAST_OK, "written: %s/README.md and more", state->bundle_path);
    else
        state_toast(state, ROLE_TOAST_ERROR, "not all was written: %s", why);
}

void exporting_tick(struct state *state)
{
    if (tmv_uuid_is_nil(&state->bundle_of) || state->model.now_us < state->bundle_until_us)
        return;
    memset(&state->bundle_of, 0, sizeof state->bundle_of);
    state_toast(state, ROLE_TOAST_ERROR, "nothing was written: the record could not be read");
}
