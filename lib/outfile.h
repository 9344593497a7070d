/* Files that are written through stdio and still know why a write failed.
 *
 * stdio drops the bytes that it could not write and keeps one bit about it: when the stream is flushed or
 * closed, errno belongs to something else, and a full disk is reported as "Success". Here the first errno is
 * kept.
 */
#pragma once

#include <stdbool.h>
#include <stdio.h>

/* In the caller's storage, which does not move while the file is open. One thread. */
struct outfile {
    FILE *stream; /* what to write to; NULL: not open */
    int fd;       /* behind it */
    int cause;    /* errno of the first write that failed; 0: none did */
};

/* Makes the file at `path`, readable for all as far as the umask allows. `exclusive`: it must not exist yet;
 * else what it held is gone. False: it could not be opened, see errno. */
bool outfile_create(struct outfile *ret_file, const char *path, bool exclusive);
/* The same at the end of a file, which is made if it does not exist. */
bool outfile_append(struct outfile *ret_file, const char *path);
/* Writes what stdio still holds. 0, or the errno of the first write of this file that failed. Blocks as
 * write(2). */
int outfile_flush(struct outfile *file);
/* Flushes and closes; a file that is not open is 0. 0, or the errno of the first write that failed, or of
 * close(2), which is where some file systems report that the disk is full. */
int outfile_close(struct outfile *file);

/* From now on what is printed to stdout keeps the cause of a failure as well. A terminal is left as it is:
 * curses needs stdio's own stream there. Once, before anything is printed. */
void outfile_watch_stdout(void);
/* Flushes stdout. 0, or the errno of the first write to it that failed. */
int outfile_flush_stdout(void);
