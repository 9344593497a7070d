/* The real program against a private cluster: exit codes, messages, JSON, and a round trip through the
 * registry, the routes, a migration and its audit. No engine runs here, so that what the verbs say about that
 * is seen too. */
#include "test.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <pty.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/cli.h"
#include "support/program.h"
#include "support/support.h"

#define TENANT "5d0c5a1e-6a52-4c0b-9f6a-0f4f6f1f2a3b"
#define OTHER "5d0cffff-6a52-4c0b-9f6a-0f4f6f1f2a3b"

static char control[CLUSTER_CONNINFO_MAX];
#define home program_home
static struct tmv_store_info shared_store, dedicated_store;

/* ---- fixtures ---- */

static const char *configuration_path(void)
{
    static char path[400];

    snprintf(path, sizeof path, "%s/tenantmv/config.json", home);
    return path;
}

static void write_configuration(const char *fmt, ...) TMV_PRINTF(1, 2);
static void write_configuration(const char *fmt, ...)
{
    FILE *file = fopen(configuration_path(), "w");
    va_list ap;

    assert_non_null(file);
    va_start(ap, fmt);
    vfprintf(file, fmt, ap);
    va_end(ap);
    fclose(file);
}

/* A configuration that names a control database that is not there. */
static int configured(void **state)
{
    char folder[400];

    (void)state;
    snprintf(home, sizeof home, "%s", support_temporary_dir());
    snprintf(folder, sizeof folder, "%s/tenantmv", home);
    assert_true(mkdir(folder, 0700) == 0 || errno == EEXIST);
    write_configuration("{\"control\": \"host=/nowhere dbname=x\", \"aliases\": {\"acme\": \"" TENANT "\"}}");
    return 0;
}

/* A control database with its schema and two stores, in the configuration. */
static int fresh(void **state)
{
    struct cluster *cluster = support_cluster("cli", NULL);

    configured(state);
    support_database(cluster, control);
    support_store(cluster, "shared", false, &shared_store);
    support_store(cluster, "dedicated", false, &dedicated_store);
    write_configuration("{\"control\": \"%s\", \"aliases\": {\"acme\": \"" TENANT "\"}}", control);
    expect(0, run("init"));
    return 0;
}

static void register_all(void)
{
    expect(0, run("store", "add", "shared", shared_store.conninfo));
    expect(0, run("store", "add", "dedicated", dedicated_store.conninfo));
    expect(0, run("routing", TENANT, "--register", "shared"));
}

/* A lease as of an engine that answers nothing: alive for an hour, whatever this machine does. */
static void pretend_an_engine(void)
{
    struct pgx_conn *conn = support_connect(control);

    support_sql(conn,
                "INSERT INTO tenantmv.lease (tenant_id, engine, heartbeat_at) VALUES (gen_random_uuid(), "
                "gen_random_uuid(), clock_timestamp() + interval '1 hour')");
    pgx_close(conn);
}

/* ---- usage ---- */

static void shows_the_help_of_every_command(void **state)
{
    (void)state;
    for (const struct command *const *c = commands; *c; c++) {
        const char *words[8] = {NULL};
        char copy[80];
        size_t n = name_words((*c)->name, copy, words);

        words[n] = "--help";
        struct outcome *o = expect(0, run_words(words));
        says(o->out, "Usage: tenantmv");
        says(o->out, "Exit codes");
        assert_string_equal(o->err, "");
    }
    says(expect(0, run("help"))->out, "store remove");
    says(expect(0, run("help", "store", "add"))->out, "--create-events");
    says(expect(0, run("help", "config"))->out, "TENANTMV_CONTROL");
    says(expect(0, run("help", "--man"))->out, ".SH COMMANDS");
    says(expect(0, run("store", "--help"))->out, "store check");
}

static void refuses_an_unknown_option_of_every_command(void **state)
{
    (void)state;
    for (const struct command *const *c = commands; *c; c++) {
        const char *words[8] = {NULL};
        char copy[80];
        size_t n = name_words((*c)->name, copy, words);

        words[n++] = "--no-such-option";
        says(expect(2, run_words(words))->err, "unknown option \"--no-such-option\"");
        words[n] = "--json";
        cJSON *root = document(expect(2, run_words(words)));
        has_text(root, "error", "code", "usage");
        cJSON_Delete(root);
    }
}

static void names_a_command_that_was_meant(void **state)
{
    (void)state;
    says(expect(2, run("stauts"))->err, "did you mean `tenantmv status`?");
    says(expect(2, run("store", "ad"))->err, "did you mean `tenantmv store add`?");
    says(expect(2, run("store"))->err, "what to do is missing");
    says(expect(2, run("--control"))->err, "an argument CONNINFO is missing");
    says(expect(2, run("help", "stauts"))->err, "did you mean");
}

static void completion_scripts_are_valid_shell(void **state)
{
    char path[400], line[500];
    struct outcome *o = expect(0, run("completion", "bash"));

    (void)state;
    snprintf(path, sizeof path, "%s/completion.bash", home);
    FILE *file = fopen(path, "w");
    fputs(o->out, file);
    fputs("\nCOMP_WORDS=(tenantmv store a); COMP_CWORD=2; _tenantmv; echo \"${COMPREPLY[*]}\"\n"
          "COMP_WORDS=(tenantmv start --wa); COMP_CWORD=2; _tenantmv; echo \"${COMPREPLY[*]}\"\n"
          "COMP_WORDS=(tenantmv start --wait r); COMP_CWORD=3; _tenantmv; echo \"${COMPREPLY[*]}\"\n"
          "COMP_WORDS=(tenantmv st); COMP_CWORD=1; _tenantmv; echo \"${COMPREPLY[*]}\"\n",
          file);
    fclose(file);
    snprintf(line, sizeof line, "bash '%s'", path);
    FILE *bash = popen(line, "r");
    char text[600] = "";
    assert_non_null(bash);
    text[fread(text, 1, sizeof text - 1, bash)] = 0;
    assert_int_equal(pclose(bash), 0);
    assert_string_equal(text, "add\n--wait\nready\nstore start status\n");
    says(expect(0, run("completion", "fish"))->out, "complete -c tenantmv");
    says(expect(0, run("completion", "zsh"))->out, "#compdef tenantmv");
    expect(2, run("completion", "tcsh"));
    assert_string_equal(expect(0, run("completion", "bash", "--aliases"))->out, "acme\n");
}

static void names_file_line_and_key_of_a_wrong_configuration(void **state)
{
    struct outcome *o;

    (void)state;
    write_configuration("{\n\"contrl\": \"x\"\n}");
    o = expect(2, run("list"));
    says(o->err, "config.json:2: contrl: unknown key");
    says(o->err, "did you mean \"control\"?");
    write_configuration("{\"control\": \"host=/tmp password=geheim\"}");
    o = expect(2, run("list"));
    says(o->err, "config.json:1: control: the connection string carries a password");
    assert_null(strstr(o->err, "geheim"));
    assert_int_equal(unlink(configuration_path()), 0);
    says(expect(2, run("list"))->err, "no control database is named");
    expect(2, run("list", "--config", "/nowhere/config.json"));
    expect(0, run("list", "--control", control));
}

/* ---- places ---- */

static void ends_with_4_when_the_control_database_is_unreachable(void **state)
{
    static const char *const lines[][6] = {
        {"init"},
        {"list"},
        {"status"},
        {"audit"},
        {"routing"},
        {"store", "list"},
        {"store", "check", "x"},
        {"store", "remove", "x"},
        {"status", TENANT},
        {"pause", TENANT},
        {"resume", TENANT},
        {"cutover", TENANT, "--confirm", "acme"},
        {"rehearse", TENANT},
        {"verify", TENANT},
        {"verify", TENANT, "--direct"},
        {"store", "add", "x", "dbname=x", "--no-check"},
        {"abort", TENANT, "--reason", "r"},
        {"start", TENANT, "--to", "x"},
        {"preflight", TENANT, "--to", "x"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        const char *words[8] = {NULL};
        size_t n = 0;

        for (; n < 6 && lines[i][n]; n++)
            words[n] = lines[i][n];
        says(expect(4, run_words(words))->err, "hint: ");
        words[n] = "--json";
        cJSON *root = document(expect(4, run_words(words)));
        has_text(root, "error", "code", "unreachable");
        cJSON_Delete(root);
    }
}

static void says_init_when_the_schema_is_missing(void **state)
{
    char empty[CLUSTER_CONNINFO_MAX];

    (void)state;
    support_database(support_cluster("cli", NULL), empty);
    says(expect(3, run("list", "--control", empty))->err, "tenantmv init");
}

static void ends_with_3_for_what_does_not_exist(void **state)
{
    static const char *const lines[][6] = {
        {"status", OTHER},
        {"pause", "acme"},
        {"resume", "beef"},
        {"abort", OTHER, "--reason", "r"},
        {"cutover", "zzz"},
        {"rehearse", OTHER},
        {"verify", OTHER},
        {"verify", OTHER, "--direct"},
        {"audit", OTHER},
        {"routing", OTHER},
        {"store", "check", "nope"},
        {"store", "remove", "nope"},
        {"routing", OTHER, "--register", "nope"},
        {"start", TENANT, "--to", "nope"},
        {"start", "beef", "--to", "dedicated"},
        {"preflight", TENANT, "--to", "nope"},
    };

    (void)state;
    register_all();
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        const char *words[8] = {NULL};

        for (size_t n = 0; n < 6 && lines[i][n]; n++)
            words[n] = lines[i][n];
        struct outcome *o = expect(3, run_words(words));
        assert_string_equal(o->out, "");
        says(o->err, "tenantmv ");
    }
}

static void registers_lists_checks_and_removes_stores(void **state)
{
    struct outcome *o;
    cJSON *root;
    char empty[CLUSTER_CONNINFO_MAX];

    (void)state;
    register_all();
    says(expect(0, run("store", "list"))->out, "shared");
    root = document(expect(0, run("store", "list", "--json")));
    has_text(root, "stores", "id", "dedicated");
    cJSON_Delete(root);
    root = document(expect(0, run("store", "check", "shared", "--json")));
    assert_true(cJSON_IsTrue(at(root, "store", "has_events")));
    has_text(root, "store", "user", "postgres");
    has_text(root, "store", "registered_user", "postgres");
    cJSON_Delete(root);

    support_database(support_cluster("cli", NULL), empty);
    says(expect(3, run("store", "add", "new", empty))->err, "--create-events");
    expect(0, run("store", "add", "new", empty, "--create-events"));
    expect(0, run("store", "check", "new"));
    expect(0, run("store", "remove", "new"));
    expect(3, run("store", "check", "new"));
    expect(4, run("store", "add", "far", "host=/nowhere dbname=x"));
    expect(0, run("store", "add", "far", "host=/nowhere dbname=x", "--no-check"));
    expect(4, run("store", "check", "far"));

    says(expect(3, run("store", "add", "far", "host=/elsewhere dbname=x", "--no-check"))->err, "--replace");
    expect(0, run("store", "add", "far", "host=/elsewhere dbname=x", "--no-check", "--replace"));
    says(expect(2, run("store", "add", "shared", shared_store.conninfo, "--replace"))->err,
         "--confirm shared");
    expect(3, run("store", "add", "shared", shared_store.conninfo, "--replace", "--confirm", "dedicated"));
    expect(0, run("store", "add", "shared", shared_store.conninfo, "--replace", "--confirm", "shared"));
    expect(2, run("store", "add", "shared", shared_store.conninfo, "--confirm", "shared"));
    says(expect(0, run("audit", "--registry"))->out, "store_replaced");
    root = document(expect(0, run("audit", "--registry", "--json")));
    has_text(root, "entries", "action", "store_added");
    cJSON_Delete(root);
    expect(2, run("audit", TENANT, "--registry"));
    expect(3, run("routing", TENANT, "--register", "dedicated"));

    o = expect(0, run("store", "list"));
    says(o->out, "postgres (shared)");
    says(o->err, "engines and applications all connect as postgres");
    expect(0, run("store", "add", "far", "host=/elsewhere dbname=x", "--no-check", "--replace"));
    says(expect(0, run("store", "list"))->out, "own role");
    o = expect(2, run("store", "add", "bad", "host=/tmp", "user=x", "password=geheim"));
    assert_null(strstr(o->err, "geheim"));
    o = expect(2, run("store", "add", "bad", "host=/tmp password=geheim"));
    assert_null(strstr(o->err, "geheim"));
    o = expect(2, run("store", "add", "bad", "postgresql://amy:geheim@db1:x:y/z"));
    assert_null(strstr(o->err, "geheim"));
    says(expect(3, run("store", "remove", "shared"))->err, "shared");
}

/* ---- names ---- */

static void takes_an_alias_a_uuid_or_a_unique_beginning_for_a_tenant(void **state)
{
    static const char *const words[] = {"acme", TENANT, "5d0c5a1e", "5D0C5", "5d0c5a1e-6a52"};
    struct outcome *o;

    (void)state;
    register_all();
    expect(0, run("routing", OTHER, "--register", "shared"));
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        cJSON *root = document(expect(0, run("routing", words[i], "--json")));

        has_text(root, "routes", "tenant", TENANT);
        has_text(root, "routes", "alias", "acme");
        cJSON_Delete(root);
    }
    o = expect(3, run("routing", "5d0c"));
    says(o->err, "fits more than one tenant");
    says(o->err, OTHER);
    says(expect(3, run("routing", "5d0"))->err, "neither an alias nor");
    says(expect(0, run("routing"))->out, "acme");
}

/* ---- a migration without an engine ---- */

static void start_without_an_engine_says_so_and_stays(void **state)
{
    struct outcome *o;
    cJSON *root;

    (void)state;
    register_all();
    o = expect(0, run("start", "acme", "--to", "dedicated", "--no-preflight"));
    says(o->out, "of acme: pending");
    says(o->err, "no engine runs: start `tenantmv worker` or the console");
    says(expect(3, run("start", "acme", "--to", "dedicated", "--no-preflight"))->err, "migration");
    root = document(expect(0, run("status", "acme", "--json")));
    has_text(root, "migration", "phase", "pending");
    has_text(root, "migration", "tenant", TENANT);
    has_text(root, "migration", "target", "dedicated");
    char id[TMV_UUID_TEXT], prefix[9];
    snprintf(id, sizeof id, "%s", at(root, "migration", "id")->valuestring);
    cJSON_Delete(root);
    snprintf(prefix, sizeof prefix, "%.8s", id);
    says(expect(0, run("status", prefix))->out, id);
    says(expect(0, run("list"))->out, "acme");
    /* new it is pending; once an engine should have seen it, it is nobody's */
    for (int i = 0; i < 2000 && strstr(expect(0, run("status"))->out, "ORPHAN") == NULL; i++)
        ;
    says(expect(0, run("status"))->out, "ORPHAN");
    root = document(expect(0, run("list", "--active", "--json")));
    has_text(root, "migrations", "id", id);
    cJSON_Delete(root);

    root = document(expect(0, run("audit", "acme", "--verify", "--json")));
    has_text(root, "entries", "event", "migration_started");
    has_text(root, "entries", "migration", id);
    assert_true(cJSON_IsTrue(at(root, "chain_intact", NULL)));
    cJSON_Delete(root);
    expect(3, run("store", "remove", "dedicated"));
    expect(0, run("routing", OTHER, "--register", "shared"));
    o = expect(1, run("start", OTHER, "--to", "dedicated", "--from", "shared", "--no-preflight", "--wait",
                      "dual_write", "--timeout", "3s"));
    says(o->err, "no engine runs");
    says(o->err, "has not reached dual_write yet");
}

static void notices_a_changed_audit(void **state)
{
    struct pgx_conn *conn;

    (void)state;
    register_all();
    expect(0, run("start", "acme", "--to", "dedicated", "--no-preflight"));
    conn = support_connect(control);
    support_sql(conn, "update public.tenant_routing set store_id = store_id");
    support_sql(conn, "update public.migration_audit_log set operator = 'somebody else'");
    pgx_close(conn);
    says(expect(1, run("audit", "acme", "--verify"))->err, "does not fit its chain of hashes");
}

static void writes_a_request_that_waits_for_an_engine(void **state)
{
    struct outcome *o;
    cJSON *root;

    (void)state;
    register_all();
    expect(0, run("start", "acme", "--to", "dedicated", "--no-preflight", "--operator", "amy"));
    o = expect(0, run("pause", "acme", "--reason", "a deploy", "--operator", "ben"));
    says(o->out, "pause acme: requested");
    says(o->err, "no engine runs");
    says(expect(3, run("pause", "acme"))->err, "requested already, by ben");
    root = document(expect(0, run("status", "acme", "--json")));
    has_text(root, "migration", "created_by", "amy");
    const cJSON *request = cJSON_GetObjectItemCaseSensitive(at(root, "migration", "request"), "operation");
    assert_string_equal(request->valuestring, "pause");
    cJSON_Delete(root);
    says(expect(0, run("list"))->out, "pause asked for by ben");
    /* what is severe does not wait for an engine that somebody starts later */
    says(expect(3, run("abort", "acme", "--reason", "r", "--confirm", "acme"))->err, "no engine runs");
    says(expect(0, run("withdraw", "acme"))->out, "pause acme: withdrawn");
    says(expect(3, run("withdraw", "acme"))->err, "nothing is asked of the migration");
    pretend_an_engine();
    root = document(expect(0, run("abort", "acme", "--reason", "r", "--confirm", "acme", "--json",
                                  "--operator", "ben", "--within", "10m")));
    has_text(root, "command", "state", "requested");
    has_text(root, "command", "requested_by", "ben");
    assert_true(cJSON_IsString(at(root, "command", "expires_at")));
    cJSON_Delete(root);
    says(expect(0, run("status", "acme"))->out, "expires in");
    root = document(expect(0, run("withdraw", "acme", "--json")));
    assert_string_equal(at(root, "operation", NULL)->valuestring, "abort");
    cJSON_Delete(root);
    o = expect(3, run("cutover", "acme", "--confirm", "acme"));
    says(o->err, "pending");
}

static void gives_up_waiting_when_told_to(void **state)
{
    struct outcome *o;

    (void)state;
    register_all();
    expect(0, run("start", "acme", "--to", "dedicated", "--no-preflight"));
    o = expect(1, run("pause", "acme", "--wait", "--timeout", "1s"));
    says(o->err, "the pause is not done yet");
    says(o->out, "pause acme: requested");
}

/* What has to be done is where the eye is: the last lines are refusals, before them warnings, then what
 * passed. */
static void troubles_come_last(const char *text)
{
    static const char *const verdicts[] = {"\n  ok ", "\n  warn ", "\n  refuse "};
    const char *last = text, *arrow = strstr(text, "-> ");

    for (size_t i = 0; i < sizeof verdicts / sizeof *verdicts; i++) {
        const char *first = strstr(text, verdicts[i]);

        if (first && first < last)
            fail_msg("a check with the verdict%s comes too early: %s", verdicts[i] + 1, text);
        for (const char *next = first; next; next = strstr(next + 1, verdicts[i]))
            last = next;
    }
    assert_non_null(strstr(text, verdicts[0]));
    assert_non_null(strstr(text, verdicts[2]));
    assert_non_null(arrow);
    const char *statements = strstr(text, "Statements that starting would run");
    assert_true(!statements || statements < arrow);
}

static void refuses_a_start_that_preflight_refuses(void **state)
{
    struct pgx_conn *conn;
    struct outcome *o;
    struct tmv_uuid other;
    cJSON *root;

    (void)state;
    register_all();
    expect(0, run("preflight", "acme", "--to", "dedicated"));
    conn = support_connect(dedicated_store.conninfo);
    assert_true(tmv_uuid_parse(OTHER, &other));
    support_fill(conn, &other, 1, 3);
    pgx_close(conn);
    o = expect(3, run("preflight", "acme", "--to", "dedicated"));
    says(o->out, "refuse target-without-others");
    troubles_come_last(o->out);
    says(o->err, "refuse to move acme");
    troubles_come_last(expect(3, run("preflight", "acme", "--to", "dedicated", "--dry-run"))->out);
    o = expect(3, run("start", "acme", "--to", "dedicated"));
    says(o->out, "refuse target-without-others");
    root = document(expect(3, run("preflight", "acme", "--to", "dedicated", "--dry-run", "--json")));
    has_text(root, "error", "code", "refused");
    assert_true(cJSON_IsArray(at(root, "preflight", "checks")));
    assert_true(cJSON_IsString(at(root, "preflight", "statements")));
    cJSON_Delete(root);
    says(expect(0, run("list"))->err, "no migrations");
}

static void wants_the_tenant_named_before_an_abort(void **state)
{
    (void)state;
    register_all();
    expect(0, run("start", "acme", "--to", "dedicated", "--no-preflight"));
    says(expect(2, run("abort", "acme", "--reason", "r"))->err, "add --confirm acme");
    says(expect(2, run("abort", "acme", "--confirm", "acme"))->err, "an abort needs a reason");
    says(expect(3, run("abort", "acme", "--reason", "r", "--confirm", "5d0c5"))->err, "nothing was done");
    says(expect(3, run("abort", "acme", "--reason", "r", "--confirm", OTHER))->err, "nothing was done");
    pretend_an_engine();
    says(expect(0, run("abort", "acme", "--reason", "r", "--confirm", "5d0c5a1e"))->out,
         "abort acme: requested");
    says(expect(2, run("cutover", "acme", "--force", "--confirm", "acme"))->err, "--force needs --reason");
}

/* ---- a whole life, with an engine ---- */

/* Starts the worker with its log in a file; returns its pid. */
static pid_t start_worker(void)
{
    char log[400];
    const char *const words[] = {"worker", "--log-json", NULL};
    pid_t pid = fork();

    assert_true(pid >= 0);
    snprintf(log, sizeof log, "%s/worker", support_temporary_dir());
    if (pid == 0) {
        if (freopen("/dev/null", "r", stdin) && freopen(log, "w", stderr) &&
            freopen("/dev/null", "w", stdout))
            become(words);
        _exit(127);
    }
    return pid;
}

static void stop_worker(pid_t pid)
{
    int status = 0;

    assert_int_equal(kill(pid, SIGTERM), 0);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

static void fill_tenant(int streams, int versions)
{
    struct pgx_conn *conn = support_connect(shared_store.conninfo);
    struct tmv_uuid tenant;

    assert_true(tmv_uuid_parse(TENANT, &tenant));
    support_fill(conn, &tenant, streams, versions);
    pgx_close(conn);
}

/* Budgets that hold on a busy machine too. */
static struct outcome *start_patiently(void)
{
    return run("start", "acme", "--to", "dedicated", "--max-lag", "30s", "--pause-budget", "60s",
               "--lock-budget", "900ms", "--drain-budget", "30s", "--wait", "ready", "--timeout", "90s");
}

static void moves_a_tenant_by_verbs_alone(void **state)
{
    struct outcome *o;
    cJSON *root;

    (void)state;
    register_all();
    fill_tenant(20, 50);
    pid_t worker = start_worker();
    o = expect(0, start_patiently());
    says(o->out, "of acme: dual_write (READY)");
    says(o->err, "PENDING");
    says(expect(0, run("status", "acme"))->out, "1,000 of 1,000 events (100%)");
    expect(0, run("pause", "acme", "--reason", "lunch", "--wait"));
    says(expect(0, run("status", "acme"))->out, "lunch");
    says(expect(3, run("cutover", "acme", "--confirm", "acme"))->err, "paused");
    expect(0, run("resume", "acme", "--wait"));
    root = document(expect(0, run("rehearse", "acme", "--wait", "--json")));
    has_text(root, "attempt", "outcome", "rehearsed");
    cJSON_Delete(root);
    expect(0, run("verify", "acme", "--wait"));
    root = document(expect(0, run("verify", "acme", "--direct", "--json")));
    assert_true(cJSON_IsTrue(at(root, "verification", "consistent")));
    assert_int_equal(at(root, "verification", "events_target")->valueint, 1000);
    cJSON_Delete(root);
    root = document(expect(0, run("cutover", "acme", "--confirm", "acme", "--wait", "--json")));
    has_text(root, "command", "state", "done");
    has_text(root, "attempt", "outcome", "completed");
    has_text(root, "migration", "phase", "completed");
    cJSON_Delete(root);
    root = document(expect(0, run("routing", "acme", "--json")));
    has_text(root, "routes", "store", "dedicated");
    has_text(root, "routes", "state", "migrated");
    cJSON_Delete(root);
    expect(0, run("audit", "acme", "--verify"));
    says(expect(3, run("abort", "acme", "--reason", "r", "--confirm", "acme"))->err, "completed");
    stop_worker(worker);
}

/* Nothing is changed by any of these. */
static void says_what_a_repair_would_do(void)
{
    struct outcome *o;
    cJSON *root;

    says(expect(2, run("verify", "acme", "--dry-run"))->err, "--repair");
    says(expect(2, run("verify", "acme", "--repair", "--direct"))->err, "engine");
    says(expect(2, run("verify", "acme", "--sample", "5"))->err, "--direct");
    o = expect(1, run("verify", "acme", "--direct", "--level", "full", "--sample", "100", "--seed", "3"));
    says(o->out, "seed 3");
    says(o->out, "payload");
    o = expect(0, run("verify", "acme", "--repair", "--dry-run"));
    says(o->out, "would remove 1 events from the target and copy 1 to it");
    o = expect(0, run("verify", "acme", "--report"));
    says(o->out, "payload");
    says(o->out, "different");
    says(o->out, "full sample");
    root = document(expect(0, run("verify", "acme", "--report", "--json")));
    has_text(root, "verifications", "level", "hash"); /* the newest */
    assert_int_equal(at(root, "verifications", "to_copy")->valueint, 1);
    cJSON_Delete(root);
}

static void aborts_and_names_what_differs(void **state)
{
    struct pgx_conn *conn;
    struct outcome *o;

    (void)state;
    register_all();
    fill_tenant(5, 10);
    pid_t worker = start_worker();
    expect(0, start_patiently());
    stop_worker(worker);
    conn = support_connect(dedicated_store.conninfo);
    support_sql(conn, "alter table public.events disable trigger all; update public.events set payload = "
                      "payload || '{\"x\": 1}' "
                      "where global_position = 7");
    pgx_close(conn);
    o = expect(1, run("verify", "acme", "--direct"));
    says(o->out, "differs");
    says(o->out, "payload");
    says(o->err, "the stores differ in 1 events");
    says_what_a_repair_would_do();
    worker = start_worker();
    conn = support_connect(control);
    support_wait_until(conn, "SELECT EXISTS (SELECT FROM tenantmv.lease WHERE engine IS NOT NULL)");
    pgx_close(conn);
    expect(0, run("abort", "acme", "--reason", "different", "--confirm", "acme", "--wait"));
    stop_worker(worker);
    conn = support_connect(dedicated_store.conninfo);
    assert_int_equal(support_int(conn, "select count(*) from public.events"), 0);
    pgx_close(conn);
    says(expect(0, run("status", "acme"))->out, "ABORTED");
    says(expect(0, run("routing", "acme"))->out, "normal");
}

/* ---- on a terminal ---- */

/* Runs the program on a pseudo-terminal, types `typed` at once, and gathers the screen's text. */
static int run_terminal(const char *const *words, const char *typed, char text[OUTPUT_MAX])
{
    size_t used = 0;
    int terminal, status = 0;
    pid_t pid = forkpty(&terminal, NULL, NULL, NULL);

    assert_true(pid >= 0);
    if (pid == 0) {
        setenv("TERM", "xterm", 1);
        become(words);
    }
    assert_int_equal(write(terminal, typed, strlen(typed)), strlen(typed));
    while (used < OUTPUT_MAX - 1) {
        ssize_t n = read(terminal, text + used, OUTPUT_MAX - 1 - used);
        if (n <= 0)
            break;
        used += (size_t)n;
    }
    text[used] = 0;
    close(terminal);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void asks_on_a_terminal_for_reason_and_tenant(void **state)
{
    static char text[OUTPUT_MAX];

    (void)state;
    register_all();
    setenv("TENANTMV_ENVIRONMENT", "PROD", 1);
    expect(0, run("start", "acme", "--to", "dedicated", "--no-preflight"));
    assert_int_equal(run_terminal((const char *const[]){"abort", "acme", NULL}, "too big\nacne\n", text), 3);
    says(text, "Type acme to confirm");
    says(text, "[PROD] abort acme: shared -> dedicated");
    pretend_an_engine();
    assert_int_equal(run_terminal((const char *const[]){"abort", "acme", NULL}, "too big\nacme\n", text), 0);
    says(text, "abort acme: requested");
    unsetenv("TENANTMV_ENVIRONMENT");
}

static void colours_only_on_a_terminal(void **state)
{
    static char text[OUTPUT_MAX];
    const char *const words[] = {"status", "acme", NULL};

    (void)state;
    register_all();
    expect(0, run("start", "acme", "--to", "dedicated", "--no-preflight"));
    assert_null(strchr(expect(0, run("status", "acme"))->out, '\033'));
    assert_non_null(strchr(expect(0, run("status", "acme", "--color", "always"))->out, '\033'));
    assert_int_equal(run_terminal(words, "", text), 0);
    assert_non_null(strchr(text, '\033'));
    setenv("NO_COLOR", "1", 1);
    assert_int_equal(run_terminal(words, "", text), 0);
    assert_null(strchr(text, '\033'));
    unsetenv("NO_COLOR");
    assert_int_equal(run_terminal((const char *const[]){"status", "acme", "--no-color", NULL}, "", text), 0);
    assert_null(strchr(text, '\033'));
}

/* Long and short output: stdio forgets the cause of what it wrote before the end. */
static void says_why_its_output_was_not_written(void **state)
{
    static const char *const calls[][6] = {
        {"help", "--markdown"}, {"help", "--man"},     {"--help"},         {"version"},
        {"completion", "bash"}, {"theme", "list"},     {"list"},           {"status", "--json"},
        {"export", "csv"},      {"status", "acme"},    {"audit"},          {"audit", "--json"},
        {"export", "json"},     {"watch", "--once"},   {"store", "list"},  {"routing"},
        {"watch", "--plain"},   {"status", "--watch"}, {"watch", "--json"}};

    (void)state;
    register_all();
    expect(0, run("start", "acme", "--to", "dedicated", "--no-preflight"));
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
        const char *words = calls[i][0];
        struct outcome *o = run_on_full_disk(calls[i]);

        if (o->code == 0 || !strstr(o->err, "No space left on device"))
            fail_msg("%s %s: exit code %d, stderr: %s", words, calls[i][1] ? calls[i][1] : "", o->code,
                     o->err);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(shows_the_help_of_every_command, configured),
        cmocka_unit_test_setup(refuses_an_unknown_option_of_every_command, configured),
        cmocka_unit_test_setup(names_a_command_that_was_meant, configured),
        cmocka_unit_test_setup(completion_scripts_are_valid_shell, configured),
        cmocka_unit_test_setup(names_file_line_and_key_of_a_wrong_configuration, fresh),
        cmocka_unit_test_setup(ends_with_4_when_the_control_database_is_unreachable, configured),
        cmocka_unit_test_setup(says_init_when_the_schema_is_missing, fresh),
        cmocka_unit_test_setup(ends_with_3_for_what_does_not_exist, fresh),
        cmocka_unit_test_setup(registers_lists_checks_and_removes_stores, fresh),
        cmocka_unit_test_setup(takes_an_alias_a_uuid_or_a_unique_beginning_for_a_tenant, fresh),
        cmocka_unit_test_setup(start_without_an_engine_says_so_and_stays, fresh),
        cmocka_unit_test_setup(notices_a_changed_audit, fresh),
        cmocka_unit_test_setup(writes_a_request_that_waits_for_an_engine, fresh),
        cmocka_unit_test_setup(gives_up_waiting_when_told_to, fresh),
        cmocka_unit_test_setup(refuses_a_start_that_preflight_refuses, fresh),
        cmocka_unit_test_setup(wants_the_tenant_named_before_an_abort, fresh),
        cmocka_unit_test_setup(moves_a_tenant_by_verbs_alone, fresh),
        cmocka_unit_test_setup(aborts_and_names_what_differs, fresh),
        cmocka_unit_test_setup(asks_on_a_terminal_for_reason_and_tenant, fresh),
        cmocka_unit_test_setup(colours_only_on_a_terminal, fresh),
        cmocka_unit_test_setup(says_why_its_output_was_not_written, fresh),
    };

    return cmocka_run_group_tests(tests, support_setup, support_teardown);
}
