/* The configuration: every mistake is named with file, line and key, and the stronger source wins. */
#include "test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/config.h"
#include "cli/json_place.h"

#define TENANT "2f1c0a9e-5a52-4c0b-9f6a-0f4f6f1f2a3b"

static int clear_environment(void **state)
{
    (void)state;
    for (const struct config_key *key = config_keys; key->spec.name; key++)
        unsetenv(key->variable);
    unsetenv("NO_COLOR");
    unsetenv("TENANTMV_CONFIG");
    return 0;
}

static void reads_every_key(void **state)
{
    static const char text[] = "{\n"
                               "  \"control\": \"host=db1 dbname=tenantmv\",\n"
                               "  \"environment\": \"PROD\",\n"
                               "  \"operator\": \"amy\",\n"
                               "  \"theme\": \"dark\",\n"
                               "  \"color\": \"never\",\n"
                               "  \"ascii\": true,\n"
                               "  \"webhook\": \"https://hooks.example/x\",\n"
                               "  \"max_migrations\": 3,\n"
                               "  \"aliases\": {\"acme\": \"" TENANT "\"}\n"
                               "}\n";
    struct config config;
    struct tmv_error err;
    struct tmv_uuid tenant;

    (void)state;
    config_init(&config);
    assert_true(config_read_text(&config, "c.json", text, &err));
    assert_string_equal(config.control, "host=db1 dbname=tenantmv");
    assert_string_equal(config.environment, "PROD");
    assert_string_equal(config.operator_name, "amy");
    assert_string_equal(config.theme, "dark");
    assert_string_equal(config.color, "never");
    assert_true(config.ascii);
    assert_string_equal(config.webhook, "https://hooks.example/x");
    assert_int_equal(config.max_migrations, 3);
    assert_true(tmv_uuid_parse(TENANT, &tenant));
    assert_string_equal(config_alias(&config, &tenant), "acme");
    config_release(&config);
}

static void names_file_line_and_key_of_every_mistake(void **state)
{
    static const struct {
        const char *text, *message, *hint;
    } cases[] = {
        {"{\n\"contrl\": 1}", "c.json:2: contrl: unknown key", "did you mean \"control\"?"},
        {"{\"alias\": {}}", "c.json:1: alias: unknown key", "did you mean \"aliases\"?"},
        {"{\"password\": \"x\"}", "c.json:1: password: unknown key", "passwords are not kept here"},
        {"{\n\n\"control\": 5}", "c.json:3: control: must be a string, not a number", ""},
        {"{\"control\": null}", "c.json:1: control: must be a string, not null", ""},
        {"{\"control\": \"\"}", "c.json:1: control: CONNINFO must not be empty", ""},
        {"{\"control\": \"host=a password=geheim\"}",
         "c.json:1: control: the connection string carries a password", "~/.pgpass"},
        {"{\"control\": \"nonsense\"}", "c.json:1: control: not a connection string", ""},
        {"{\n\"ascii\": \"yes\"}", "c.json:2: ascii: must be a boolean, not a string", ""},
        {"{\"ascii\": 1}", "c.json:1: ascii: must be a boolean, not a number", ""},
        {"{\"color\": \"sometimes\"}", "c.json:1: color: \"sometimes\" is not one of auto, always, never",
         ""},
        {"{\"color\": \"alway\"}", "c.json:1: color: \"alway\" is not one of", "did you mean \"always\"?"},
        {"{\"max_migrations\": \"3\"}", "c.json:1: max_migrations: must be a whole number, not a string", ""},
        {"{\"max_migrations\": 2.5}", "c.json:1: max_migrations: \"2.5\" is not a whole number", ""},
        {"{\"max_migrations\": 65}", "c.json:1: max_migrations: 65 is out of range (1 … 64)", ""},
        {"{\"environment\": \"a very long environment\"}", "c.json:1: environment: NAME is 23 bytes long",
         ""},
        {"{\"theme\": \"a\",\n \"theme\": \"b\"}", "c.json:2: theme is given twice", ""},
        {"{\"aliases\": []}", "c.json:1: aliases: must be an object {name: tenant's UUID}, not an array", ""},
        {"{\"aliases\": {\n\"a\": \"" TENANT "\",\n\"b\": 1}}",
         "c.json:3: aliases.b: must be a tenant's UUID", ""},
        {"{\"aliases\": {\n\"a\": \"abc\"}}", "c.json:2: aliases.a: \"abc\" is not a UUID", ""},
        {"{\"aliases\": {\"a b\": \"" TENANT "\"}}", "c.json:1: aliases.a b: not a name for an alias",
         "letters"},
        {"{\"aliases\": {\"" TENANT "\": \"" TENANT "\"}}", "not a name for an alias", ""},
        {"{\"aliases\": {\"a\": \"" TENANT "\",\n\"a\": \"" TENANT "\"}}",
         "c.json:2: aliases.a is given twice", ""},
        {"[1]", "c.json:1: must be an object {\"key\": value}, not an array", ""},
        {"", "c.json:1: not valid JSON here", ""},
        {"{\n\"theme\": \"a\"\n\"color\": \"never\"}", "c.json:3: not valid JSON here", ""},
        {"{} {}", "c.json:1: not valid JSON here", ""},
        {"{\n\n\"theme\": }", "c.json:3: not valid JSON here", ""},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct config config;
        struct tmv_error err = {0};

        config_init(&config);
        assert_false(config_read_text(&config, "c.json", cases[i].text, &err));
        assert_int_equal(err.code, TMV_ERR_USAGE);
        if (!strstr(err.message, cases[i].message))
            fail_msg("case %zu: \"%s\" does not say \"%s\"", i, err.message, cases[i].message);
        assert_non_null(strstr(err.hint, cases[i].hint));
        assert_null(strstr(err.message, "geheim"));
        config_release(&config);
    }
}

static void finds_keys_among_nested_and_quoted_brackets(void **state)
{
    static const char text[] =
        "{\"a{\\\"\": [1, {\"x\": 2}],\n\"b\": {\"c\": \"},{\",\n\"d\": {\"e\": 1}},\n\"f\": 3}";
    static const struct {
        size_t path[2], depth;
        int line;
        const char *key;
    } cases[] = {{{0, 0}, 1, 1, "\"a{"},
                 {{1, 0}, 1, 2, "\"b\""},
                 {{1, 0}, 2, 2, "\"c\""},
                 {{1, 1}, 2, 3, "\"d\""},
                 {{2, 0}, 1, 4, "\"f\""}};

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        size_t at = json_key_offset(text, cases[i].path, cases[i].depth);

        assert_memory_equal(text + at, cases[i].key, strlen(cases[i].key));
        assert_int_equal(text_line(text, at), cases[i].line);
    }
    assert_int_equal(json_key_offset(text, (size_t[]){3, 0}, 1), 0);
    assert_int_equal(json_key_offset("{\"a\": [\"b\"]}", (size_t[]){0, 0}, 2), 0);
}

static void prefers_the_environment_to_the_file(void **state)
{
    struct config config;
    struct tmv_error err;

    (void)state;
    config_init(&config);
    setenv("TENANTMV_OPERATOR", "ben", 1);
    setenv("TENANTMV_ASCII", "0", 1);
    setenv("NO_COLOR", "1", 1);
    setenv("TENANTMV_THEME", "", 1); /* empty counts as absent */
    assert_true(config_read_text(&config, "c.json",
                                 "{\"operator\": \"amy\", \"ascii\": true, \"theme\": \"t\"}", &err));
    assert_true(config_read_environment(&config, &err));
    assert_string_equal(config.operator_name, "ben");
    assert_false(config.ascii);
    assert_string_equal(config.color, "never");
    assert_string_equal(config.theme, "t");
    setenv("TENANTMV_COLOR", "always", 1);
    assert_true(config_read_environment(&config, &err));
    assert_string_equal(config.color, "always");
    config_release(&config);
}

static void names_the_variable_of_every_mistake(void **state)
{
    static const struct {
        const char *variable, *value, *message;
    } cases[] = {
        {"TENANTMV_COLOR", "blue", "TENANTMV_COLOR: \"blue\" is not one of"},
        {"TENANTMV_ASCII", "maybe", "TENANTMV_ASCII: \"maybe\" is neither 1 nor 0"},
        {"TENANTMV_MAX_MIGRATIONS", "0", "TENANTMV_MAX_MIGRATIONS: 0 is out of range"},
        {"TENANTMV_CONTROL", "host=a password=geheim",
         "TENANTMV_CONTROL: the connection string carries a password"},
        {"TENANTMV_CONTROL", "postgresql://amy:geheim@db1:port:port/x", "TENANTMV_CONTROL: "},
        {"TENANTMV_CONTROL", "postgresql://amy:geheim@[::1]x/db",
         "TENANTMV_CONTROL: the connection string carries a password"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct config config;
        struct tmv_error err = {0};

        clear_environment(NULL);
        config_init(&config);
        setenv(cases[i].variable, cases[i].value, 1);
        assert_false(config_read_environment(&config, &err));
        assert_non_null(strstr(err.message, cases[i].message));
        assert_null(strstr(err.message, "geheim"));
        config_release(&config);
    }
}

static void reads_the_usual_file_only_if_it_is_there(void **state)
{
    char directory[] = "/tmp/test-config-XXXXXX";
    char path[200];
    struct config config;
    struct tmv_error err;

    (void)state;
    assert_non_null(mkdtemp(directory));
    setenv("XDG_CONFIG_HOME", directory, 1);
    assert_true(config_default_path(path, sizeof path));
    assert_non_null(strstr(path, "/tenantmv/config.json"));
    config_init(&config);
    assert_true(config_read_file(&config, NULL, &err));
    snprintf(path, sizeof path, "%s/mine.json", directory);
    assert_false(config_read_file(&config, path, &err));
    assert_int_equal(err.code, TMV_ERR_USAGE);
    FILE *file = fopen(path, "w");
    fputs("{\"environment\": \"TEST\"}", file);
    fclose(file);
    assert_true(config_read_file(&config, path, &err));
    assert_string_equal(config.environment, "TEST");
    config_release(&config);

    file = fopen(path, "w");
    fwrite("{\n\0}", 1, 4, file);
    fclose(file);
    config_init(&config);
    assert_false(config_read_file(&config, path, &err));
    assert_non_null(strstr(err.message, "mine.json:2: contains a NUL byte"));
    config_release(&config);
    unlink(path);
    rmdir(directory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(reads_every_key, clear_environment),
        cmocka_unit_test_setup(names_file_line_and_key_of_every_mistake, clear_environment),
        cmocka_unit_test(finds_keys_among_nested_and_quoted_brackets),
        cmocka_unit_test_setup_teardown(prefers_the_environment_to_the_file, clear_environment,
                                        clear_environment),
        cmocka_unit_test_setup_teardown(names_the_variable_of_every_mistake, clear_environment,
                                        clear_environment),
        cmocka_unit_test_setup(reads_the_usual_file_only_if_it_is_there, clear_environment),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
