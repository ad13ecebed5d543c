/* Counts a process's changes to files below a folder, and fails or stops it at one of them.

   Preloaded (LD_PRELOAD) into Python, so that changes by C and C++ libraries count too. The state
   is in a file, $FAULTS_STATE, that all processes of a command map; faults.py has its fields. */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

enum kind { WRITE = 1, FSYNC = 2, RENAME = 4, OTHER = 8 };
enum action { FAIL_ONCE = 0, FAIL_ON = 1, STOP = 2 };

struct state {
    int32_t kinds;   /* that count; 0 counts nothing */
    int32_t action;
    int32_t error;   /* errno of the failures */
    int32_t told;    /* set by warm.py */
    int64_t count;   /* of changes so far */
    int64_t target;  /* number of the change to fail at, or to stop before */
    int32_t stopped; /* process that stopped, or 0 */
    int32_t hits;    /* failures so far */
    char prefix[256];
};

static struct state *state;

__attribute__((constructor)) static void map_state(void) {
    const char *path = getenv("FAULTS_STATE");
    int fd = path ? open(path, O_RDWR) : -1;
    if (fd < 0) return;
    void *found = mmap(NULL, sizeof *state, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    if (found != MAP_FAILED) state = found;
}

/* Return 1 if this change is to fail; errno is set. */
static int hit(enum kind kind, int folder, const char *path) {
    if (!state || !(state->kinds & kind)) return 0;
    char full[PATH_MAX] = "";
    if (!path || (path[0] != '/' && folder != AT_FDCWD)) { /* of a descriptor */
        char link[64];
        snprintf(link, sizeof link, "/proc/self/fd/%d", folder);
        ssize_t size = readlink(link, full, sizeof full - 1);
        full[size < 0 ? 0 : size] = 0;
    } else {
        strncpy(full, path, sizeof full - 1);
    }
    if (strncmp(full, state->prefix, strlen(state->prefix))) return 0;
    int64_t number = __sync_add_and_fetch(&state->count, 1);
    int failing = state->action == FAIL_ON ? number >= state->target : number == state->target;
    if (!failing) return 0;
    if (state->action == STOP) {
        state->stopped = getpid();
        kill(getpid(), SIGSTOP);
        return 0;
    }
    __sync_add_and_fetch(&state->hits, 1);
    errno = state->error;
    return 1;
}

#define REAL(type, name, ...) \
    static type (*real)(__VA_ARGS__); \
    if (!real) real = (type(*)(__VA_ARGS__))dlsym(RTLD_NEXT, #name)

ssize_t write(int fd, const void *data, size_t size) {
    REAL(ssize_t, write, int, const void *, size_t);
    return hit(WRITE, fd, NULL) ? -1 : real(fd, data, size);
}
ssize_t pwrite(int fd, const void *data, size_t size, off_t offset) {
    REAL(ssize_t, pwrite, int, const void *, size_t, off_t);
    return hit(WRITE, fd, NULL) ? -1 : real(fd, data, size, offset);
}
ssize_t pwrite64(int fd, const void *data, size_t size, off64_t offset) {
    REAL(ssize_t, pwrite64, int, const void *, size_t, off64_t);
    return hit(WRITE, fd, NULL) ? -1 : real(fd, data, size, offset);
}
ssize_t writev(int fd, const struct iovec *parts, int count) {
    REAL(ssize_t, writev, int, const struct iovec *, int);
    return hit(WRITE, fd, NULL) ? -1 : real(fd, parts, count);
}
ssize_t sendfile(int out, int in, off_t *offset, size_t count) {
    REAL(ssize_t, sendfile, int, int, off_t *, size_t);
    return hit(WRITE, out, NULL) ? -1 : real(out, in, offset, count);
}
int fsync(int fd) {
    REAL(int, fsync, int);
    return hit(FSYNC, fd, NULL) ? -1 : real(fd);
}
int fdatasync(int fd) {
    REAL(int, fdatasync, int);
    return hit(FSYNC, fd, NULL) ? -1 : real(fd);
}
int rename(const char *from, const char *to) {
    REAL(int, rename, const char *, const char *);
    return hit(RENAME, AT_FDCWD, to) ? -1 : real(from, to);
}
int renameat(int from_folder, const char *from, int to_folder, const char *to) {
    REAL(int, renameat, int, const char *, int, const char *);
    return hit(RENAME, to_folder, to) ? -1 : real(from_folder, from, to_folder, to);
}
int unlink(const char *path) {
    REAL(int, unlink, const char *);
    return hit(OTHER, AT_FDCWD, path) ? -1 : real(path);
}
int unlinkat(int folder, const char *path, int flags) {
    REAL(int, unlinkat, int, const char *, int);
    return hit(OTHER, folder, path) ? -1 : real(folder, path, flags);
}
int rmdir(const char *path) {
    REAL(int, rmdir, const char *);
    return hit(OTHER, AT_FDCWD, path) ? -1 : real(path);
}
int mkdir(const char *path, mode_t mode) {
    REAL(int, mkdir, const char *, mode_t);
    return hit(OTHER, AT_FDCWD, path) ? -1 : real(path, mode);
}
int chmod(const char *path, mode_t mode) {
    REAL(int, chmod, const char *, mode_t);
    return hit(OTHER, AT_FDCWD, path) ? -1 : real(path, mode);
}
