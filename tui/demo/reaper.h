/* The process that outlives us by a moment; see workspace.h. */
#pragma once

#include "demo/process.h"

#define REAPER_REQUEST_MAX 8192
#define REAPER_SERVERS_MAX 32

struct reaper_setup {
    int socket; /* requests come here; its end means that the program is gone */
    const char *directory;
    bool keep; /* leave the directory, shut down cleanly */
    struct run_user user;
};
/* Runs the reaper in the calling (forked) process and never returns. A request is one packet: the path of the
 * log and the words of a command line, each ended by NUL. The answer is an int32_t: the pid, or minus an
 * errno. */
_Noreturn void reaper_main(const struct reaper_setup *setup);
/* Removes a directory with everything in it; true when it is gone. Links are removed, not followed. */
bool reaper_remove_tree(const char *path);
