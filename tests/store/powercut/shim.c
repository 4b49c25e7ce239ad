/*
 * LD_PRELOAD shim of the power-cut and disk-fault tests.
 *
 * POWERCUT_ROOT: directory whose changes are logged; POWERCUT_LOG: the log. Every write, truncate,
 * sync, create, rename, unlink and mkdir below the root becomes one record, in the order in which
 * it happened, so that the replay can build what a disk may hold after a power cut at any record.
 * Lines "ACK ..." written to stdout become marks in the same log.
 *
 * POWERCUT_FAULT: a control file, read at every sync. First byte 'e': the sync fails with EIO and
 * does nothing; 'n': writes fail with ENOSPC; 'h': the sync hangs until the byte changes.
 *
 * Record: op(1) path_len(2) other_len(2) offset(8) length(8) data_len(8) path other data,
 * native byte order. Ops: C create, W write, T truncate to offset, A grow to offset+length,
 * b sync begins, S sync succeeded, r sync_file_range, R rename, U unlink, D mkdir, X rmdir,
 * M mark, Z writable shared mapping (its writes are invisible here).
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#define FDS 4096
#define PATH_BYTES 1024

static pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;
static char *path_of_fd[FDS];
static int appends[FDS];
static char root[PATH_BYTES];
static char fault[PATH_BYTES];
static int log_fd = -1; /* -1: not looked yet, -2: off */

#define NEXT(name, type) \
    static __typeof__(type) real; \
    if (!real) real = (__typeof__(type))dlsym(RTLD_NEXT, #name)

static void setup(void) {
    if (log_fd != -1) return;
    const char *r = getenv("POWERCUT_ROOT"), *l = getenv("POWERCUT_LOG"), *f = getenv("POWERCUT_FAULT");
    log_fd = -2;
    if (f) snprintf(fault, sizeof fault, "%s", f);
    if (!r || !l) return;
    snprintf(root, sizeof root, "%s", r);
    int fd = (int)syscall(SYS_openat, AT_FDCWD, l, O_WRONLY | O_CREAT | O_APPEND, 0644);
    if (fd < 0) _exit(98);
    /* Out of the way of programs that count on low numbers. */
    int high = (int)syscall(SYS_fcntl, fd, F_DUPFD, 900);
    log_fd = high >= 0 ? high : fd;
}

static int watched(const char *path) {
    setup();
    return path && *root && strncmp(path, root, strlen(root)) == 0;
}

static void record(char op, const char *path, const char *other, uint64_t offset, uint64_t length,
                   const void *data) {
    if (log_fd < 0) return;
    uint16_t path_len = (uint16_t)strlen(path), other_len = (uint16_t)(other ? strlen(other) : 0);
    uint64_t data_len = data ? length : 0;
    unsigned char head[29];
    head[0] = (unsigned char)op;
    memcpy(head + 1, &path_len, 2);
    memcpy(head + 3, &other_len, 2);
    memcpy(head + 5, &offset, 8);
    memcpy(head + 13, &length, 8);
    memcpy(head + 21, &data_len, 8);
    struct iovec parts[4] = {
        { head, sizeof head },
        { (void *)path, path_len },
        { (void *)(other ? other : ""), other_len },
        { (void *)(data ? data : ""), data_len },
    };
    ssize_t want = (ssize_t)(sizeof head + path_len + other_len + data_len);
    if (syscall(SYS_writev, log_fd, parts, 4) != want) _exit(99);
}

static const char *known(int fd) { return fd >= 0 && fd < FDS ? path_of_fd[fd] : NULL; }

static char fault_byte(void) {
    setup();
    if (!*fault) return 0;
    int fd = (int)syscall(SYS_openat, AT_FDCWD, fault, O_RDONLY, 0);
    if (fd < 0) return 0;
    char byte = 0;
    if (syscall(SYS_read, fd, &byte, 1) != 1) byte = 0;
    syscall(SYS_close, fd);
    return byte;
}

/* Absolute path of a name relative to a directory descriptor. */
static const char *absolute(int dir, const char *path, char *buffer) {
    char base[PATH_BYTES / 2];
    if (path[0] == '/') return path;
    if (dir == AT_FDCWD) {
        if (!getcwd(base, sizeof base)) return path;
    } else {
        char link[64];
        snprintf(link, sizeof link, "/proc/self/fd/%d", dir);
        ssize_t n = readlink(link, base, sizeof base - 1);
        if (n < 0) return path;
        base[n] = 0;
    }
    snprintf(buffer, PATH_BYTES, "%s/%s", base, path);
    return buffer;
}

/* Called with the gate held. `fresh`: the name did not exist before the open. */
static void opened(int fd, int dir, const char *path, int flags, int fresh) {
    char buffer[PATH_BYTES];
    if (fd < 0 || fd >= FDS) return;
    path = absolute(dir, path, buffer);
    path_of_fd[fd] = NULL;
    if (!watched(path)) return;
    path_of_fd[fd] = strdup(path);
    appends[fd] = (flags & O_APPEND) != 0;
    if (fresh) record('C', path, NULL, 0, 0, NULL);
    if ((flags & O_TRUNC) && (flags & (O_WRONLY | O_RDWR))) record('T', path, NULL, 0, 0, NULL);
}

static int open_any(int (*call)(int, const char *, int, mode_t), int dir, const char *path,
                    int flags, mode_t mode) {
    pthread_mutex_lock(&gate);
    int fresh = (flags & O_CREAT) && faccessat(dir, path, F_OK, 0) != 0;
    int fd = call(dir, path, flags, mode), e = errno;
    if (fd >= 0) opened(fd, dir, path, flags, fresh);
    pthread_mutex_unlock(&gate);
    errno = e;
    return fd;
}

static int real_openat(int dir, const char *path, int flags, mode_t mode) {
    NEXT(openat64, int (*)(int, const char *, int, ...));
    return real(dir, path, flags, mode);
}

#define MODE_OF(flags) \
    mode_t mode = 0; \
    if ((flags) & (O_CREAT | O_TMPFILE)) { \
        va_list args; \
        va_start(args, flags); \
        mode = va_arg(args, mode_t); \
        va_end(args); \
    }

int open(const char *path, int flags, ...) {
    MODE_OF(flags) return open_any(real_openat, AT_FDCWD, path, flags, mode);
}
int open64(const char *path, int flags, ...) {
    MODE_OF(flags) return open_any(real_openat, AT_FDCWD, path, flags, mode);
}
int openat(int dir, const char *path, int flags, ...) {
    MODE_OF(flags) return open_any(real_openat, dir, path, flags, mode);
}
int openat64(int dir, const char *path, int flags, ...) {
    MODE_OF(flags) return open_any(real_openat, dir, path, flags, mode);
}

int close(int fd) {
    NEXT(close, int (*)(int));
    if (fd == log_fd && fd > 2) return 0;
    if (fd >= 0 && fd < FDS) path_of_fd[fd] = NULL;
    return real(fd);
}

static int duplicated(int from, int to) {
    if (to >= 0 && to < FDS && from >= 0 && from < FDS) {
        path_of_fd[to] = path_of_fd[from];
        appends[to] = appends[from];
    }
    return to;
}

int dup(int fd) {
    NEXT(dup, int (*)(int));
    return duplicated(fd, real(fd));
}

#define FCNTL(name) \
    int name(int fd, int command, ...) { \
        NEXT(name, int (*)(int, int, ...)); \
        va_list args; \
        va_start(args, command); \
        void *arg = va_arg(args, void *); \
        va_end(args); \
        int result = real(fd, command, arg); \
        return command == F_DUPFD || command == F_DUPFD_CLOEXEC ? duplicated(fd, result) : result; \
    }
FCNTL(fcntl)
FCNTL(fcntl64)

static int no_space(int fd) {
    if (!known(fd) || fault_byte() != 'n') return 0;
    errno = ENOSPC;
    return 1;
}

static uint64_t write_offset(int fd) {
    struct stat status;
    if (appends[fd] && fstat(fd, &status) == 0) return (uint64_t)status.st_size;
    return (uint64_t)lseek(fd, 0, SEEK_CUR);
}

static void mark(const char *text, size_t length) {
    char line[128];
    if (length < 5 || length > sizeof line || memcmp(text, "ACK ", 4) != 0) return;
    memcpy(line, text, length);
    line[length - 1] = 0;
    setup();
    pthread_mutex_lock(&gate);
    record('M', line, NULL, 0, 0, NULL);
    pthread_mutex_unlock(&gate);
}

ssize_t write(int fd, const void *data, size_t n) {
    NEXT(write, ssize_t (*)(int, const void *, size_t));
    const char *path = known(fd);
    if (!path) {
        if (fd == 1) mark(data, n);
        return real(fd, data, n);
    }
    if (no_space(fd)) return -1;
    pthread_mutex_lock(&gate);
    uint64_t offset = write_offset(fd);
    ssize_t done = real(fd, data, n);
    if (done > 0) record('W', path, NULL, offset, (uint64_t)done, data);
    pthread_mutex_unlock(&gate);
    return done;
}

static void record_vector(const char *path, const struct iovec *parts, int count, uint64_t offset,
                          ssize_t done) {
    for (int i = 0; i < count && done > 0; i++) {
        size_t n = parts[i].iov_len < (size_t)done ? parts[i].iov_len : (size_t)done;
        if (n) record('W', path, NULL, offset, n, parts[i].iov_base);
        offset += n;
        done -= (ssize_t)n;
    }
}

ssize_t writev(int fd, const struct iovec *parts, int count) {
    NEXT(writev, ssize_t (*)(int, const struct iovec *, int));
    const char *path = known(fd);
    if (!path) return real(fd, parts, count);
    if (no_space(fd)) return -1;
    pthread_mutex_lock(&gate);
    uint64_t offset = write_offset(fd);
    ssize_t done = real(fd, parts, count);
    record_vector(path, parts, count, offset, done);
    pthread_mutex_unlock(&gate);
    return done;
}

#define PWRITE(name) \
    ssize_t name(int fd, const void *data, size_t n, off_t offset) { \
        NEXT(name, ssize_t (*)(int, const void *, size_t, off_t)); \
        const char *path = known(fd); \
        if (!path) return real(fd, data, n, offset); \
        if (no_space(fd)) return -1; \
        pthread_mutex_lock(&gate); \
        ssize_t done = real(fd, data, n, offset); \
        if (done > 0) record('W', path, NULL, (uint64_t)offset, (uint64_t)done, data); \
        pthread_mutex_unlock(&gate); \
        return done; \
    }
PWRITE(pwrite)
PWRITE(pwrite64)

#define PWRITEV(name) \
    ssize_t name(int fd, const struct iovec *parts, int count, off_t offset) { \
        NEXT(name, ssize_t (*)(int, const struct iovec *, int, off_t)); \
        const char *path = known(fd); \
        if (!path) return real(fd, parts, count, offset); \
        if (no_space(fd)) return -1; \
        pthread_mutex_lock(&gate); \
        ssize_t done = real(fd, parts, count, offset); \
        record_vector(path, parts, count, (uint64_t)offset, done); \
        pthread_mutex_unlock(&gate); \
        return done; \
    }
PWRITEV(pwritev)
PWRITEV(pwritev64)

#define TRUNCATE(name) \
    int name(int fd, off_t length) { \
        NEXT(name, int (*)(int, off_t)); \
        const char *path = known(fd); \
        if (!path) return real(fd, length); \
        pthread_mutex_lock(&gate); \
        int result = real(fd, length); \
        if (result == 0) record('T', path, NULL, (uint64_t)length, 0, NULL); \
        pthread_mutex_unlock(&gate); \
        return result; \
    }
TRUNCATE(ftruncate)
TRUNCATE(ftruncate64)

#define GROW(name) \
    int name(int fd, off_t offset, off_t length) { \
        NEXT(name, int (*)(int, off_t, off_t)); \
        const char *path = known(fd); \
        if (!path) return real(fd, offset, length); \
        pthread_mutex_lock(&gate); \
        int result = real(fd, offset, length); \
        if (result == 0) record('A', path, NULL, (uint64_t)offset, (uint64_t)length, NULL); \
        pthread_mutex_unlock(&gate); \
        return result; \
    }
GROW(posix_fallocate)
GROW(posix_fallocate64)

#define SYNC(name) \
    int name(int fd) { \
        NEXT(name, int (*)(int)); \
        const char *path = known(fd); \
        if (!path) return real(fd); \
        char byte = fault_byte(); \
        while (byte == 'h') { \
            struct timespec wait = { 0, 2000000 }; \
            nanosleep(&wait, NULL); \
            byte = fault_byte(); \
        } \
        if (byte == 'e') { \
            errno = EIO; \
            return -1; \
        } \
        pthread_mutex_lock(&gate); \
        record('b', path, NULL, 0, 0, NULL); \
        pthread_mutex_unlock(&gate); \
        int result = real(fd); \
        pthread_mutex_lock(&gate); \
        if (result == 0) record('S', path, NULL, 0, 0, NULL); \
        pthread_mutex_unlock(&gate); \
        return result; \
    }
SYNC(fsync)
SYNC(fdatasync)

int sync_file_range(int fd, off64_t offset, off64_t length, unsigned flags) {
    NEXT(sync_file_range, int (*)(int, off64_t, off64_t, unsigned));
    const char *path = known(fd);
    int result = real(fd, offset, length, flags);
    if (path) {
        pthread_mutex_lock(&gate);
        record('r', path, NULL, (uint64_t)offset, (uint64_t)length, NULL);
        pthread_mutex_unlock(&gate);
    }
    return result;
}

static void renamed(const char *from, const char *to) {
    if (!watched(to)) return;
    record('R', from, to, 0, 0, NULL);
    for (int i = 0; i < FDS; i++)
        if (path_of_fd[i] && strcmp(path_of_fd[i], from) == 0) path_of_fd[i] = strdup(to);
}

int rename(const char *from, const char *to) {
    NEXT(rename, int (*)(const char *, const char *));
    char a[PATH_BYTES], b[PATH_BYTES];
    pthread_mutex_lock(&gate);
    int result = real(from, to);
    if (result == 0) renamed(absolute(AT_FDCWD, from, a), absolute(AT_FDCWD, to, b));
    pthread_mutex_unlock(&gate);
    return result;
}

int renameat(int d1, const char *from, int d2, const char *to) {
    NEXT(renameat, int (*)(int, const char *, int, const char *));
    char a[PATH_BYTES], b[PATH_BYTES];
    pthread_mutex_lock(&gate);
    int result = real(d1, from, d2, to);
    if (result == 0) renamed(absolute(d1, from, a), absolute(d2, to, b));
    pthread_mutex_unlock(&gate);
    return result;
}

static void named(char op, const char *path) {
    if (watched(path)) record(op, path, NULL, 0, 0, NULL);
}

int unlink(const char *path) {
    NEXT(unlink, int (*)(const char *));
    char a[PATH_BYTES];
    pthread_mutex_lock(&gate);
    int result = real(path);
    if (result == 0) named('U', absolute(AT_FDCWD, path, a));
    pthread_mutex_unlock(&gate);
    return result;
}

int unlinkat(int dir, const char *path, int flags) {
    NEXT(unlinkat, int (*)(int, const char *, int));
    char a[PATH_BYTES];
    pthread_mutex_lock(&gate);
    const char *full = absolute(dir, path, a);
    int result = real(dir, path, flags);
    if (result == 0) named(flags & AT_REMOVEDIR ? 'X' : 'U', full);
    pthread_mutex_unlock(&gate);
    return result;
}

int mkdir(const char *path, mode_t mode) {
    NEXT(mkdir, int (*)(const char *, mode_t));
    char a[PATH_BYTES];
    pthread_mutex_lock(&gate);
    int result = real(path, mode);
    if (result == 0) named('D', absolute(AT_FDCWD, path, a));
    pthread_mutex_unlock(&gate);
    return result;
}

int rmdir(const char *path) {
    NEXT(rmdir, int (*)(const char *));
    char a[PATH_BYTES];
    pthread_mutex_lock(&gate);
    int result = real(path);
    if (result == 0) named('X', absolute(AT_FDCWD, path, a));
    pthread_mutex_unlock(&gate);
    return result;
}

static void *mapped(void *at, int protection, int flags, int fd) {
    if (at != MAP_FAILED && (protection & PROT_WRITE) && (flags & MAP_SHARED) && known(fd)) {
        pthread_mutex_lock(&gate);
        record('Z', known(fd), NULL, 0, 0, NULL);
        pthread_mutex_unlock(&gate);
    }
    return at;
}

void *mmap(void *at, size_t n, int protection, int flags, int fd, off_t offset) {
    NEXT(mmap, void *(*)(void *, size_t, int, int, int, off_t));
    return mapped(real(at, n, protection, flags, fd, offset), protection, flags, fd);
}
void *mmap64(void *at, size_t n, int protection, int flags, int fd, off64_t offset) {
    NEXT(mmap64, void *(*)(void *, size_t, int, int, int, off64_t));
    return mapped(real(at, n, protection, flags, fd, offset), protection, flags, fd);
}
