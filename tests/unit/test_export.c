/* Data as files: nothing of it may end a field, a cell or a string, or become a formula. */
#include "test.h"

#include <cjson/cJSON.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "actions/exporting.h"
#include "export/bundle.h"
#include "sample_fleet.h"
#include "support/json_keys.h"

static char *text_of(void (*write)(const struct tmv_snapshot *, const struct tenant_names *, FILE *),
                     const struct tmv_snapshot *snapshot)
{
    struct tenant_names names = sample_names();
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);

    write(snapshot, &names, out);
    fclose(out);
    return text;
}

/* Cuts the next field off a CSV text as RFC 4180 has it; returns what ended it: ',', a line's end, or 0. */
static char csv_field(const char **text, char field[200])
{
    const char *c = *text;
    bool quoted = *c == '"';
    size_t n = 0;

    for (c += quoted; *c != '\0' && (quoted || (*c != ',' && *c != '\r')); c++) {
        if (*c == '"' && c[1] != '"') /* the closing one; nothing but a field's end may follow */
            quoted = false;
        else if (n + 1 < 200)
            field[n++] = *(c += *c == '"');
    }
    field[n] = '\0';
    *text = *c == '\r' ? c + 2 : c + (*c != '\0');
    return quoted ? '\0' : *c;
}

/* Records of a text; 0 when one has another number of fields than the first. */
static int csv_records(const char *text, char fields[][200], int most)
{
    int records = 0, width = 0, total = 0, in_record = 0;

    while (*text != '\0') {
        char spare[200], end = csv_field(&text, total < most ? fields[total] : spare);
        total++;
        in_record++;
        if (end == ',')
            continue;
        if (end == '\0' || (width != 0 && in_record != width))
            return 0;
        width = in_record;
        in_record = 0;
        records++;
    }
    return records;
}

static void csv_keeps_its_shape_whatever_the_texts_are(void **state)
{
    static char fields[400][200];
    struct tmv_snapshot *snapshot = sample_snapshot();
    char *text;
    bool formula = false, quoted = false;

    (void)state;
    strcpy(snapshot->migrations[0].note, "=HYPERLINK(\"http://x\",\"y\")");
    strcpy(snapshot->migrations[1].note, "a, \"b\"\r\nc");
    text = text_of(export_fleet_csv, snapshot);
    assert_int_equal(csv_records(text, fields, 400), snapshot->migration_count + 1);
    for (int i = 0; i < 400; i++) {
        assert_true(fields[i][0] != '=' && fields[i][0] != '@' && fields[i][0] != '+');
        formula = formula || strncmp(fields[i], "'=HYPERLINK(\"http://x\"", 22) == 0;
        quoted = quoted || strcmp(fields[i], "a, \"b\"\r\nc") == 0;
    }
    assert_true(formula && quoted);
    free(text);
    tmv_snapshot_free(snapshot);
}

static void json_can_be_read_whatever_the_texts_are(void **state)
{
    struct tmv_snapshot *snapshot = sample_snapshot();
    char *text;
    cJSON *object, *migrations;

    (void)state;
    strcpy(snapshot->migrations[0].note, "\"quoted\" \\ \x1b[31m \xe2\x80\xae \xff");
    snapshot->migrations[0].watermark = INT64_C(9007199254740993); /* no double holds it */
    text = text_of(export_fleet_json, snapshot);
    object = cJSON_Parse(text);
    assert_non_null(object);
    has_no_key_twice(object);
    assert_null(strchr(text, 0x1b));
    assert_non_null(strstr(text, "9007199254740993"));
    migrations = cJSON_GetObjectItem(object, "migrations");
    assert_int_equal(cJSON_GetArraySize(migrations), snapshot->migration_count);
    assert_string_equal(cJSON_GetObjectItem(cJSON_GetArrayItem(migrations, 0), "note")->valuestring,
                        "\"quoted\" \\ ?[31m ? ?");
    assert_true(cJSON_IsNull(cJSON_GetObjectItem(cJSON_GetArrayItem(migrations, 3), "lag_us")));
    cJSON_Delete(object);
    free(text);
    tmv_snapshot_free(snapshot);
}

/* ---- files, in a folder of their own ---- */

static int in_new_folder(void **state)
{
    static char folder[64];

    strcpy(folder, "/tmp/tenantmv-export-XXXXXX");
    *state = mkdtemp(folder);
    return *state == NULL || chdir(folder) != 0;
}

static void remove_all(const char *path)
{
    DIR *dir = opendir(path);
    struct dirent *entry;
    char child[600];

    while (dir != NULL && (entry = readdir(dir)) != NULL) {
        struct stat facts;
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        snprintf(child, sizeof child, "%s/%s", path, entry->d_name);
        if (lstat(child, &facts) == 0 && S_ISDIR(facts.st_mode))
            remove_all(child);
        else
            unlink(child);
    }
    if (dir != NULL)
        closedir(dir);
    rmdir(path);
}

static int remove_folder(void **state)
{
    remove_all(*state);
    return chdir("/");
}

static void reads(const char *path, char text[20000])
{
    FILE *file = fopen(path, "r");

    if (file == NULL)
        fail_msg("%s is missing", path);
    text[fread(text, 1, 19999, file)] = '\0';
    fclose(file);
}

static void exports_what_the_screen_shows_and_never_over_a_file(void **folder)
{
    static char text[20000];
    struct theme theme;
    struct state state;

    (void)folder;
    state_init(&state);
    state.snapshot = sample_snapshot();
    sample_model(&state.model, state.snapshot);
    theme_default(&theme);
    state.theme = &theme;
    state.cols = 80;
    state.rows = 24;
    exporting_start(&state, "text screen.txt");
    reads("screen.txt", text);
    assert_non_null(strstr(text, "acme-eu-1042"));
    exporting_start(&state, "svg screen.svg");
    reads("screen.svg", text);
    assert_non_null(strstr(text, "<svg"));
    exporting_start(&state, "csv screen.txt");
    assert_non_null(strstr(state.toast, "nothing was written"));
    reads("screen.txt", text);
    assert_null(strstr(text, "events_copied"));
    exporting_start(&state, "csv");
    reads("tenantmv-fleet-20261122T140231Z.csv", text);
    assert_non_null(strstr(text, "events_copied"));
    exporting_start(&state, "pdf");
    assert_non_null(strstr(state.toast, "formats:"));
    state_release(&state);
}

static void a_bundle_waits_for_the_record_and_tells_the_story(void **folder)
{
    static char text[20000];
    struct state state;
    struct tmv_record *record = calloc(1, sizeof *record);

    (void)folder;
    state_init(&state);
    state.snapshot = sample_snapshot();
    sample_model(&state.model, state.snapshot);
    state.model.fleet.selected = state.snapshot->migrations[9].id; /* the one with the hostile name */
    exporting_start(&state, "bundle");
    assert_non_null(strstr(state.toast, "reading the record"));
    record->migration = state.model.fleet.selected;
    record->command_count = 1;
    record->commands = calloc(1, sizeof *record->commands);
    record->commands[0] = (struct tmv_command_info){
        .operation = TMV_OP_ABORT, .state = TMV_COMMAND_DONE, .requested_by = "amy | bob", .outcome = "`rm`"};
    state_set_record(&state, record);
    assert_non_null(strstr(state.toast, "written: tenantmv-ra_"));
    snprintf(text, sizeof text, "%.200s", state.toast + strlen("written: "));
    assert_int_equal(chdir(strtok(text, "/")), 0);
    reads("README.md", text);
    assert_non_null(strstr(text, "Who did what"));
    assert_non_null(strstr(text, "amy \\| bob"));
    assert_null(strchr(text, 0x1b));
    reads("migration.json", text);
    assert_non_null(strstr(text, "\"operation\": \"abort\""));
    cJSON *root = cJSON_Parse(text);
    assert_non_null(root);
    has_no_key_twice(root);
    cJSON_Delete(root);
    reads("commands.csv", text);
    assert_non_null(strstr(text, "amy | bob"));
    state_release(&state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(csv_keeps_its_shape_whatever_the_texts_are),
        cmocka_unit_test(json_can_be_read_whatever_the_texts_are),
        cmocka_unit_test_setup_teardown(exports_what_the_screen_shows_and_never_over_a_file, in_new_folder,
                                        remove_folder),
        cmocka_unit_test_setup_teardown(a_bundle_waits_for_the_record_and_tells_the_story, in_new_folder,
                                        remove_folder),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
