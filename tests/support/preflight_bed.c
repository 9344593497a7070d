#include "support/preflight_bed.h"

#include <stdio.h>
#include <string.h>

#include "lib/text.h"
#include "sql_embedded.h"
#include "test.h"

static struct tmv_preflight *look(const struct preflight_bed *bed, const struct tmv_start_options *options)
{
    struct tmv_preflight *result = NULL;
    struct tmv_error err = {0};

    assert_done(tmv_preflight_run(bed->control, options, true, &result, &err), &err);
    return result;
}

struct tmv_preflight *preflight(const struct preflight_bed *bed, const char *source, const char *target)
{
    struct tmv_start_options options = {.tenant = bed->tenant, .source = source, .target = target};

    tmv_settings_default(&options.settings);
    return look(bed, &options);
}

const struct tmv_check *preflight_find(const struct tmv_preflight *p, const char *name)
{
    for (size_t i = 0; i < p->count; i++)
        if (strcmp(p->checks[i].name, name) == 0)
            return &p->checks[i];
    return NULL;
}

void preflight_show(const struct tmv_preflight *p)
{
    for (size_t i = 0; i < p->count; i++)
        if (p->checks[i].verdict != TMV_VERDICT_OK)
            print_error("  %s %s %s\n    %s\n    %s\n", p->checks[i].group, p->checks[i].name,
                        tmv_verdict_name(p->checks[i].verdict), p->checks[i].seen, p->checks[i].todo);
}

void assert_verdict(const struct tmv_preflight *p, const char *name, enum tmv_verdict verdict,
                    const char *says)
{
    const struct tmv_check *c = preflight_find(p, name);

    if (c && c->verdict == verdict && (strstr(c->seen, says) || strstr(c->todo, says)) &&
        (verdict == TMV_VERDICT_OK) == (c->todo[0] == '\0'))
        return;
    preflight_show(p);
    if (!c)
        fail_msg("there is no row %s", name);
    else
        fail_msg("%s: %s, wanted %s\n  seen: %s\n  todo: %s\n  wanted: %s", name,
                 tmv_verdict_name(c->verdict), tmv_verdict_name(verdict), c->seen, c->todo, says);
}

/* Nothing but the broken thing is refused, and what the rows depend on. */
static void assert_only_refuses(const struct tmv_preflight *p, const struct broken *b)
{
    for (size_t i = 0; i < p->count; i++) {
        const struct tmv_check *c = &p->checks[i];

        if (c->verdict != TMV_VERDICT_REFUSE || strcmp(c->name, b->check) == 0)
            continue;
        /* Some of the events that are tried are chosen by chance: they meet what was broken, or do not. */
        if (b->where == TARGET && strcmp(c->group, "trial") == 0)
            continue;
        if (!b->also_refuses || (!strstr(b->also_refuses, c->name) && !strstr(b->also_refuses, c->group))) {
            preflight_show(p);
            fail_msg("%s refuses as well", c->name);
        }
    }
}

static void run_at(const struct preflight_bed *bed, enum where where, const char *sql)
{
    for (int i = 0; i < ENDS; i++)
        if (where == (enum where)i || where == ENDS)
            support_sql(bed->super[i], "%s", sql);
}

static void fill_settings(const struct broken *b, struct tmv_settings *ret_settings)
{
    struct tmv_error err = {0};

    tmv_settings_default(ret_settings);
    ret_settings->verify_consistency = !b->unverified;
    ret_settings->hold_s = b->held ? 3600 : 0;
    if (b->leave_column)
        assert_done(tmv_names_add(&ret_settings->leave_columns, b->leave_column, &err), &err);
    if (b->without_table)
        assert_done(tmv_names_add(&ret_settings->without_tables, b->without_table, &err), &err);
}

void assert_notices(const struct preflight_bed *bed, const struct broken *b)
{
    struct tmv_start_options options = {.tenant = bed->tenant, .source = "shared", .target = "dedicated"};
    struct pgx_conn *holder = NULL;
    struct tmv_preflight *p;

    fill_settings(b, &options.settings);
    run_at(bed, b->where, b->setup);
    if (b->hold) {
        holder = support_connect(bed->super_conninfo[b->where]);
        /* A session of the engine would be left out. */
        support_sql(holder, "SET application_name = 'psql'; %s", b->hold);
    }
    p = look(bed, &options);
    pgx_close(holder);
    run_at(bed, b->where, b->teardown);
    assert_verdict(p, b->check, b->verdict, b->says);
    assert_only_refuses(p, b);
    tmv_preflight_free(p);
}

static void make_ready(struct preflight_bed *bed, enum where where, const char *id)
{
    struct pgx_conn *conn;

    support_store(support_cluster(where == SOURCE ? "source" : "target", NULL), id, false,
                  &bed->stores[where]);
    text_copy(bed->super_conninfo[where], sizeof bed->super_conninfo[where], bed->stores[where].conninfo);
    conn = bed->super[where] = support_connect(bed->super_conninfo[where]);
    support_sql(
        conn,
        "DO 'BEGIN IF to_regrole(''engine'') IS NULL THEN CREATE ROLE engine LOGIN; CREATE ROLE app LOGIN; "
        "END IF; END'; GRANT pg_read_all_stats TO engine; ALTER TABLE public.events OWNER TO engine; "
        "GRANT CREATE, USAGE ON SCHEMA public TO engine; GRANT USAGE ON SCHEMA public TO app; "
        "GRANT SELECT, INSERT ON public.events TO app; "
        "GRANT USAGE ON public.events_global_position_seq TO app");
    support_sql(conn, "GRANT CREATE ON DATABASE %s TO engine", pgx_database(conn));
    char engine[TMV_CONNINFO_MAX];
    snprintf(engine, sizeof engine, "%s user=engine", bed->super_conninfo[where]);
    text_copy(bed->stores[where].conninfo, sizeof bed->stores[where].conninfo, engine);
}

void preflight_bed_make(struct preflight_bed *bed)
{
    struct tmv_error err = {0};
    struct tmv_uuid other;

    assert_true(tmv_uuid_parse(TENANT, &bed->tenant) && tmv_uuid_parse(OTHER, &other));
    make_ready(bed, SOURCE, "shared");
    make_ready(bed, TARGET, "dedicated");
    support_fill(bed->super[SOURCE], &bed->tenant, 20, 10);
    support_fill(bed->super[SOURCE], &other, 20, 10);
    support_sql(bed->super[SOURCE], "UPDATE public.events SET actor_id = NULL WHERE version = 3");
    assert_done(tmv_control_init(bed->stores[SOURCE].conninfo, &err), &err);
    assert_done(tmv_control_open(bed->stores[SOURCE].conninfo, &bed->control, &err), &err);
    for (int i = 0; i < ENDS; i++)
        assert_done(tmv_store_add(bed->control, &bed->stores[i], &err), &err);
    assert_done(tmv_routing_register(bed->control, &bed->tenant, "shared", &err), &err);
    assert_done(tmv_routing_register(bed->control, &other, "shared", &err), &err);
    /* The schema of a store, as an earlier migration left it. */
    for (int i = 0; i < ENDS; i++) {
        struct pgx_conn *engine = support_connect(bed->stores[i].conninfo);
        assert_done(pgx_script(engine, SUPPORT_TIMEOUT_US, sql_store_schema, 0, NULL, &err), &err);
        pgx_close(engine);
    }
}

void preflight_bed_end(struct preflight_bed *bed)
{
    tmv_control_close(bed->control);
    for (int i = 0; i < ENDS; i++)
        pgx_close(bed->super[i]);
}
