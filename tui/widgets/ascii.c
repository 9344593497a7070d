#include "widgets/ascii.h"

#include <string.h>

static const struct {
    const char *utf8, *ascii;
} pairs[] = {
    {"▶", ">"}, {"◆", "*"}, {"●", "@"}, {"‖", "="}, {"≈", "~"}, {"✗", "x"}, {"✓", "v"}, {"·", "."},
    {"›", ">"}, {"▌", "|"}, {"█", "#"}, {"░", "."}, {"▁", "_"}, {"▂", "."}, {"▃", "-"}, {"▄", "-"},
    {"▅", "="}, {"▆", "+"}, {"▇", "*"}, {"━", "#"}, {"─", "-"}, {"│", "|"}, {"┤", "|"}, {"└", "+"},
    {"╭", "."}, {"╮", "."}, {"╯", "'"}, {"╰", "`"}, {"═", "="}, {"║", "|"}, {"╔", "+"}, {"╗", "+"},
    {"╚", "+"}, {"╝", "+"}, {"…", "~"}, {"—", "-"}, {"–", "-"}, {"→", ">"}, {"←", "<"}, {"↑", "^"},
    {"↓", "v"}, {"×", "x"}, {"µ", "u"}, {"≤", "<"}, {"≥", ">"}, {"┬", "+"}, {"├", "|"}, {"┌", "+"},
    {"┐", "+"}, {"┘", "+"}, {"ä", "a"}, {"ö", "o"}, {"ü", "u"}, {"é", "e"}, {"è", "e"}, {"┊", ":"},
};

const char *ascii_for(const char *grapheme)
{
    static const char plain[] = "?";

    if ((unsigned char)grapheme[0] < 0x80)
        return grapheme[0] == '\0' || grapheme[1] == '\0' ? grapheme : plain; /* a letter with a mark on it */
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++)
        if (strcmp(pairs[i].utf8, grapheme) == 0)
            return pairs[i].ascii;
    return plain;
}
