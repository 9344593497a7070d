#include "cli/json_place.h"

#include <stdbool.h>
#include <string.h>

/* Where the scanner is: inside how many brackets, and which key of the two outer objects it saw last. */
struct scanner {
    size_t depth;
    bool in_object[3]; /* whether the bracket at depth 1 and 2 is an object's */
    bool key_next;     /* the next string at this depth is a key */
    size_t index[3];   /* keys seen so far at depth 1 and 2 */
};

static const char *end_of_string(const char *quote)
{
    const char *c = quote + 1;

    while (*c && *c != '"')
        c += *c == '\\' && c[1] ? 2 : 1;
    return c;
}

static void open_bracket(struct scanner *s, bool object)
{
    s->depth++;
    if (s->depth <= 2) {
        s->in_object[s->depth] = object;
        s->index[s->depth] = 0;
    }
    s->key_next = s->depth <= 2 && object;
}

static bool is_wanted(const struct scanner *s, const size_t *path, size_t depth)
{
    if (s->depth != depth || s->index[depth] != path[depth - 1])
        return false;
    return depth == 1 || s->index[1] == path[0] + 1; /* the counter is already past the outer key */
}

size_t json_key_offset(const char *text, const size_t *path, size_t depth)
{
    struct scanner s = {0};

    for (const char *c = text; *c; c++) {
        if (*c == '"') {
            if (s.key_next && is_wanted(&s, path, depth))
                return (size_t)(c - text);
            if (s.key_next)
                s.index[s.depth]++;
            s.key_next = false;
            c = end_of_string(c);
            if (!*c)
                break;
        } else if (*c == '{' || *c == '[') {
            open_bracket(&s, *c == '{');
        } else if ((*c == '}' || *c == ']') && s.depth > 0) {
            s.depth--;
            s.key_next = false;
        } else if (*c == ',') {
            s.key_next = s.depth >= 1 && s.depth <= 2 && s.in_object[s.depth];
        }
    }
    return 0;
}

int text_line(const char *text, size_t offset)
{
    int line = 1;

    for (size_t i = 0; i < offset && text[i]; i++)
        line += text[i] == '\n';
    return line;
}
