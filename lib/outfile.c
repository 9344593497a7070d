#include "lib/outfile.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

static ssize_t write_some(void *user, const char *bytes, size_t count)
{
    struct outfile *file = user;
    size_t done = 0;

    while (done < count) {
        ssize_t n = write(file->fd, bytes + done, count - done);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0) {
            file->cause = file->cause ? file->cause : n < 0 ? errno : EIO;
            return 0; /* an error to stdio */
        }
        done += (size_t)n;
    }
    return (ssize_t)count;
}

static int close_it(void *user)
{
    struct outfile *file = user;

    if (close(file->fd) == 0 || errno == EINTR)
        return 0;
    file->cause = file->cause ? file->cause : errno;
    return EOF;
}

static bool attach(struct outfile *ret_file, int fd)
{
    *ret_file = (struct outfile){.fd = fd};
    ret_file->stream =
        fopencookie(ret_file, "w", (cookie_io_functions_t){.write = write_some, .close = close_it});
    return ret_file->stream;
}

static bool open_with(struct outfile *ret_file, const char *path, int flags)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | flags, 0666);

    *ret_file = (struct outfile){.fd = -1};
    if (fd < 0)
        return false;
    if (attach(ret_file, fd))
        return true;
    close(fd);
    errno = ENOMEM;
    return false;
}

bool outfile_create(struct outfile *ret_file, const char *path, bool exclusive)
{
    return open_with(ret_file, path, exclusive ? O_EXCL : O_TRUNC);
}

bool outfile_append(struct outfile *ret_file, const char *path)
{
    return open_with(ret_file, path, O_APPEND);
}

/* errno of a stream that is not one of ours, or that failed without a write, as for want of memory. */
static int cause_of(const struct outfile *file, bool failed)
{
    int now = errno;

    if (file->cause != 0)
        return file->cause;
    return !failed ? 0 : now != 0 ? now : EIO;
}

int outfile_flush(struct outfile *file)
{
    errno = 0;
    return cause_of(file, fflush(file->stream) != 0 || ferror(file->stream));
}

int outfile_close(struct outfile *file)
{
    int cause;

    if (!file->stream)
        return 0;
    cause = outfile_flush(file);
    errno = 0;
    if (fclose(file->stream) != 0 && cause == 0)
        cause = cause_of(file, true);
    file->stream = NULL;
    return cause;
}

/* ---- standard output ---- */

static struct outfile standard_output;

void outfile_watch_stdout(void)
{
    if (!isatty(STDOUT_FILENO) && attach(&standard_output, STDOUT_FILENO))
        stdout = standard_output.stream;
}

int outfile_flush_stdout(void)
{
    errno = 0;
    return cause_of(&standard_output, fflush(stdout) != 0 || ferror(stdout));
}
