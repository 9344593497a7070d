#include "view/filter.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/text.h"
#include "lib/utf8.h"
#include "view/states.h"

#define REGEX_MAX 100       /* bytes of an expression */
#define REGEX_DEPTH 8       /* groups in each other */
#define REGEX_REPETITIONS 8 /* in all */
#define WORDS_MAX 2400      /* of a row, as searched */

enum kind { TEXT, FIGURE, DURATION };

/* Text of a field, or its value; -1 unknown. */
typedef void text_fn(const struct filter_subject *subject, char *text, size_t size);
typedef int64_t value_fn(const struct filter_subject *subject);

/* ---- fields ---- */

static void phase_text(const struct filter_subject *s, char *text, size_t size)
{
    text_copy(text, size, state_look(s->migration->show)->word);
}

static void tenant_text(const struct filter_subject *s, char *text, size_t size)
{
    char uuid[TMV_UUID_TEXT];

    snprintf(text, size, "%s %s", s->name, tmv_uuid_format(&s->migration->tenant, uuid));
}

static void store_text(const struct filter_subject *s, char *text, size_t size)
{
    snprintf(text, size, "%s %s", s->migration->source, s->migration->target);
}

static void source_text(const struct filter_subject *s, char *text, size_t size)
{
    text_copy(text, size, s->migration->source);
}

static void target_text(const struct filter_subject *s, char *text, size_t size)
{
    text_copy(text, size, s->migration->target);
}

static void by_text(const struct filter_subject *s, char *text, size_t size)
{
    snprintf(text, size, "%s %s", s->migration->created_by,
             s->migration->paused ? s->migration->pause_reason : "");
}

static void owner_text(const struct filter_subject *s, char *text, size_t size)
{
    text_copy(text, size, s->migration->owner);
}

static void note_text(const struct filter_subject *s, char *text, size_t size)
{
    const struct tmv_migration *m = s->migration;

    snprintf(text, size, "%s%s%s%s%s", m->note, m->note[0] && m->pause_reason[0] ? " " : "", m->pause_reason,
             m->last_error[0] ? " " : "", m->last_error);
}

static void gate_text(const struct filter_subject *s, char *text, size_t size)
{
    size_t used = 0;

    text[0] = '\0';
    for (size_t i = 0; i < s->migration->gate_count && used < size; i++)
        if (!s->migration->gates[i].green)
            used += (size_t)snprintf(text + used, size - used, "%s%s", used > 0 ? " " : "",
                                     s->migration->gates[i].name);
}

static int64_t lag_value(const struct filter_subject *s)
{
    return s->migration->lag_us;
}

static int64_t eta_value(const struct filter_subject *s)
{
    return s->migration->eta_us;
}

static int64_t age_value(const struct filter_subject *s)
{
    return s->migration->created_at_us > 0 ? s->now_us - s->migration->created_at_us : -1;
}

static int64_t pause_value(const struct filter_subject *s)
{
    return s->migration->predicted_pause_us;
}

static int64_t progress_value(const struct filter_subject *s)
{
    return s->migration->percent;
}

static int64_t rate_value(const struct filter_subject *s)
{
    return s->migration->rate;
}

static int64_t events_value(const struct filter_subject *s)
{
    return s->migration->events_copied;
}

static const struct field_row {
    struct filter_field words;
    enum kind kind;
    text_fn *text;
    value_fn *value;
} fields[] = {
    {{"phase", "phase=ready,sync", "the word in the PHASE column"}, TEXT, phase_text, NULL},
    {{"tenant", "tenant:acme", "name or UUID"}, TEXT, tenant_text, NULL},
    {{"store", "store:k1", "source or target"}, TEXT, store_text, NULL},
    {{"source", "source:shared", "the store it comes from"}, TEXT, source_text, NULL},
    {{"target", "target:k1", "the store it goes to"}, TEXT, target_text, NULL},
    {{"by", "by:me", "who started or paused it; me is you"}, TEXT, by_text, NULL},
    {{"owner", "!owner", "the engine that runs it"}, TEXT, owner_text, NULL},
    {{"note", "!note", "why it waits, is slow or failed"}, TEXT, note_text, NULL},
    {{"gate", "gate:lag", "red gates of the cutover"}, TEXT, gate_text, NULL},
    {{"lag", "lag>50ms", "of the mirror"}, DURATION, NULL, lag_value},
    {{"eta", "eta<10m", "time until it can be cut over"}, DURATION, NULL, eta_value},
    {{"age", "age>2h", "since it was started"}, DURATION, NULL, age_value},
    {{"pause", "pause>20ms", "predicted pause of the writers"}, DURATION, NULL, pause_value},
    {{"progress", "progress<50", "percent of the copy"}, FIGURE, NULL, progress_value},
    {{"rate", "rate>1000", "events per second"}, FIGURE, NULL, rate_value},
    {{"events", "events>1000000", "events copied"}, FIGURE, NULL, events_value},
};

#define FIELDS ((int)(sizeof fields / sizeof *fields))

int filter_field_count(void)
{
    return FIELDS;
}

const struct filter_field *filter_field_at(int index)
{
    return &fields[index].words;
}

/* ---- parsing ---- */

static int field_by_name(const char *name, size_t length)
{
    for (int i = 0; i < FIELDS; i++)
        if (fold_equal_n(name, length, fields[i].words.name))
            return i;
    return -1;
}

static void copy_lower(char *to, size_t size, const char *from)
{
    text_copy(to, size, from);
    for (char *c = to; *c != '\0'; c++)
        *c = text_lower(*c);
}

static bool complain(char *problem, const char *what, const char *about)
{
    snprintf(problem, FILTER_PROBLEM_MAX, "%.60s: %.55s", about, what);
    return false;
}

/* 50ms, 3s, 2m, 1h, 1d; only 0 needs no unit. */
static bool parse_value(enum kind kind, const char *text, int64_t *ret_value)
{
    static const struct {
        const char *unit;
        double us;
    } units[] = {{"us", 1}, {"ms", 1e3}, {"s", 1e6}, {"m", 60e6}, {"h", 3600e6}, {"d", 86400e6}};
    static const struct {
        const char *unit;
        double times;
    } counts[] = {{"", 1}, {"%", 1}, {"k", 1e3}, {"M", 1e6}};
    const char *end;
    double number = text_read_double(text, &end);

    if (end == text || !(number >= 0 && number < 1e12))
        return false;
    for (size_t i = 0; kind == DURATION && i < sizeof units / sizeof *units; i++) {
        if (strcmp(units[i].unit, end) == 0 || (number == 0 && *end == '\0')) {
            *ret_value = (int64_t)(number * units[i].us);
            return number * units[i].us < 9e18;
        }
    }
    for (size_t i = 0; kind == FIGURE && i < sizeof counts / sizeof *counts; i++) {
        if (fold_equal(counts[i].unit, end)) {
            *ret_value = (int64_t)(number * counts[i].times);
            return true;
        }
    }
    return false;
}

/* Where a look through an expression is. */
struct regex_look {
    bool repeats[REGEX_DEPTH]; /* the open group of this depth holds a repetition */
    int depth, repetitions;
    bool repeated; /* what was before is a repetition, or a group with one */
};

static const char *look_at_group(struct regex_look *look, char c)
{
    bool repeats = look->repeats[look->depth];

    look->repeated = c == ')' && repeats;
    if (c == ')' && look->depth > 0)
        look->repeats[--look->depth] |= repeats;
    else if (c == '(' && ++look->depth >= REGEX_DEPTH)
        return "has too many groups in each other";
    else if (c == '(')
        look->repeats[look->depth] = false;
    return NULL;
}

static const char *look_at_repetition(struct regex_look *look)
{
    if (look->repeated || ++look->repetitions > REGEX_REPETITIONS)
        return "repeats a repetition, or too often";
    look->repeated = look->repeats[look->depth] = true;
    return NULL;
}

/* What may not be said in an expression: the C library takes memory and time without a bound for it. */
static const char *regex_problem(const char *expression)
{
    struct regex_look look = {0};
    const char *problem = strlen(expression) > REGEX_MAX ? "is too long for an expression" : NULL;

    for (const char *c = expression; *c != '\0' && !problem; c++) {
        if (*c == '{' || (*c == '\\' && c[1] >= '0' && c[1] <= '9'))
            problem = "has { or a back reference: neither is possible here";
        else if (strchr("*+?", *c))
            problem = look_at_repetition(&look);
        else if (*c == '(' || *c == ')')
            problem = look_at_group(&look, *c);
        else
            look.repeated = false;
        c += *c == '\\' && c[1] != '\0';
    }
    return problem;
}

static bool parse_regex(struct filter_term *term, const char *expression, char *problem)
{
    term->op = FILTER_REGEX;
    if (expression[0] == '\0')
        return complain(problem, "an expression has to follow", "~");
    if (regex_problem(expression))
        return complain(problem, regex_problem(expression), expression);
    term->regex = malloc(sizeof *term->regex);
    if (!term->regex)
        return complain(problem, "no memory", expression);
    if (regcomp(term->regex, expression, REG_EXTENDED | REG_ICASE | REG_NOSUB) == 0)
        return true;
    free(term->regex);
    term->regex = NULL;
    return complain(problem, "is no regular expression", expression);
}

/* What stands between the field and its value. */
static bool parse_operator(struct filter_term *term, const char *word, const char *at, char *problem)
{
    const struct field_row *field = &fields[term->field];
    const char *value = at + 1;

    if (*at == '!' && at[1] == '=') {
        term->negated = !term->negated;
        term->op = FILTER_IS;
        value = at + 2;
    } else if (*at == '>' || *at == '<') {
        term->op = *at == '>' ? FILTER_GREATER : FILTER_LESS;
        term->or_equal = at[1] == '=';
        value = at + 1 + term->or_equal;
    } else {
        term->op = *at == ':' && field->kind == TEXT ? FILTER_CONTAINS : FILTER_IS;
    }
    if (*value == '\0')
        return complain(problem, "a value has to follow", word);
    if (field->kind == TEXT && (term->op == FILTER_GREATER || term->op == FILTER_LESS))
        return complain(problem, "is a text: use : or =", word);
    if (field->kind != TEXT && !parse_value(field->kind, value, &term->number))
        return complain(problem,
                        field->kind == DURATION ? "needs a time with its unit: 50ms 3s 2m 1h 1d"
                                                : "needs a number",
                        word);
    copy_lower(term->text, sizeof term->text, value);
    return true;
}

static bool parse_term(struct filter_term *term, const char *word, bool quoted, char *problem)
{
    const char *body = word;
    size_t length;

    memset(term, 0, sizeof *term);
    term->field = -1;
    if (!quoted && body[0] == '-' && body[1] != '\0') {
        term->negated = true;
        body++;
    } else if (!quoted && body[0] == '!') {
        term->field = field_by_name(body + 1, strlen(body + 1));
        term->op = FILTER_EMPTY;
        return term->field >= 0 || complain(problem, "names no field; -word leaves out a word", word);
    }
    if (!quoted && body[0] == '~')
        return parse_regex(term, body + 1, problem);
    length = quoted ? 0 : strcspn(body, ":=<>!");
    if (length > 0 && body[length] != '\0') {
        term->field = field_by_name(body, length);
        if (term->field < 0)
            return complain(problem, "there is no such field (? lists them)", word);
        return parse_operator(term, word, body + length, problem);
    }
    term->op = FILTER_CONTAINS;
    copy_lower(term->text, sizeof term->text, body);
    return true;
}

/* Cuts the next word off; false at the end. */
static bool next_word(const char **text, char *word, size_t size, bool *ret_quoted)
{
    const char *at = *text + strspn(*text, " ");
    const char *end;

    *ret_quoted = *at == '"';
    at += *ret_quoted;
    end = at + strcspn(at, *ret_quoted ? "\"" : " ");
    snprintf(word, size, "%.*s", (int)(end - at), at);
    *text = *end == '"' ? end + 1 : end;
    return word[0] != '\0';
}

bool filter_parse(const char *text, struct filter *ret_filter, char problem[FILTER_PROBLEM_MAX])
{
    char word[200];
    bool quoted;

    memset(ret_filter, 0, sizeof *ret_filter);
    problem[0] = '\0';
    while (next_word(&text, word, sizeof word, &quoted)) {
        if (ret_filter->count == FILTER_TERMS_MAX) {
            complain(problem, "too many terms", word);
        } else if (parse_term(&ret_filter->terms[ret_filter->count], word, quoted, problem)) {
            ret_filter->count++;
            continue;
        }
        filter_release(ret_filter);
        return false;
    }
    return true;
}

void filter_release(struct filter *filter)
{
    for (int i = 0; i < filter->count; i++) {
        if (filter->terms[i].regex)
            regfree(filter->terms[i].regex);
        free(filter->terms[i].regex);
    }
    filter->count = 0;
}

/* ---- matching ---- */

/* All that a bare word looks through. */
static void row_text(const struct filter_subject *subject, char *text, size_t size)
{
    char note[TMV_REASON_MAX * 3];

    note_text(subject, note, sizeof note);
    snprintf(text, size, "%s %s %s %s %s", subject->name, state_look(subject->migration->show)->word,
             subject->migration->source, subject->migration->target, note);
}

static bool is_one_of(const char *list, const char *text)
{
    for (const char *at = list; *at != '\0'; at += *at == ',') {
        size_t n = strcspn(at, ",");
        if (fold_equal_n(at, n, text))
            return true;
        at += n;
    }
    return false;
}

/* "me" is whoever asks; the host behind the name does not count. */
static bool by_me(const struct filter_term *term, const struct filter_subject *subject, const char *text)
{
    char who[TMV_NAME_MAX];

    if (strcmp(fields[term->field].words.name, "by") != 0 || strcmp(term->text, "me") != 0 || !subject->who)
        return false;
    snprintf(who, sizeof who, "%.*s", (int)strcspn(subject->who, "@"), subject->who);
    return who[0] != '\0' && fold_find(text, who);
}

static bool text_holds(const struct filter_term *term, const struct filter_subject *subject)
{
    char text[WORDS_MAX];

    if (term->field < 0)
        row_text(subject, text, sizeof text);
    else
        fields[term->field].text(subject, text, sizeof text);
    switch (term->op) {
    case FILTER_REGEX:
        return regexec(term->regex, text, 0, NULL, 0) == 0;
    case FILTER_EMPTY:
        return text[strspn(text, " ")] == '\0';
    case FILTER_IS:
        return is_one_of(term->text, text) || by_me(term, subject, text);
    case FILTER_CONTAINS:
    case FILTER_GREATER:
    case FILTER_LESS:
        break;
    }
    return fold_find(text, term->text) || (term->field >= 0 && by_me(term, subject, text));
}

static bool value_holds(const struct filter_term *term, const struct filter_subject *subject)
{
    int64_t value = fields[term->field].value(subject);

    if (term->op == FILTER_EMPTY)
        return value < 0;
    if (value < 0)
        return false;
    if (term->op == FILTER_GREATER)
        return value > term->number || (term->or_equal && value == term->number);
    if (term->op == FILTER_LESS)
        return value < term->number || (term->or_equal && value == term->number);
    return value == term->number;
}

bool filter_passes(const struct filter *filter, const struct filter_subject *subject)
{
    for (int i = 0; i < filter->count; i++) {
        const struct filter_term *term = &filter->terms[i];
        bool figure = term->field >= 0 && fields[term->field].value;
        bool holds = figure ? value_holds(term, subject) : text_holds(term, subject);
        if (holds == term->negated)
            return false;
    }
    return true;
}
