/* A disk that fails: once the file that FLOWRUN_FAIL names is there, syncs of the file whose name
 * it holds are answered with an error, as a disk does that has lost what was written. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static int fails(int fd) {
    char wanted[64] = "", link[64], path[4096];
    const char *named = getenv("FLOWRUN_FAIL");
    FILE *file = named ? fopen(named, "r") : NULL;
    if (!file)
        return 0;
    if (!fgets(wanted, sizeof wanted, file))
        wanted[0] = 0;
    fclose(file);
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path - 1);
    path[length < 0 ? 0 : length] = 0;
    return wanted[0] && strstr(path, wanted);
}

int fdatasync(int fd) {
    if (!fails(fd))
        return (int)syscall(SYS_fdatasync, fd);
    errno = EIO;
    return -1;
}

int fsync(int fd) {
    if (!fails(fd))
        return (int)syscall(SYS_fsync, fd);
    errno = EIO;
    return -1;
}
