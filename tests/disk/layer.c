/* A layer between a program and the C library (LD_PRELOAD): it writes down, in one order, everything that is done to
 * files below one folder, and makes chosen calls fail. tests/disk/layer.rs builds it; tests/disk/trace.rs reads what it
 * writes.
 *
 * The environment tells it what to do; without the first two it does nothing:
 *   FLEETWRIGHT_LAYER_FOLDER  the folder, absolute and without links
 *   FLEETWRIGHT_LAYER_TRACE   the file that records are appended to
 *   FLEETWRIGHT_LAYER_FAULTS  the file with the calls that shall fail now; read before every call
 *   FLEETWRIGHT_LAYER_CALLS   whether calls that change nothing are written down too, to be counted
 *
 * Every call that changes something happens together with its record under one lock, across threads and processes, so the
 * order of the records is the order of the changes. A sync has two records: what was written before the first is on the
 * disk when the second is there. What cannot be seen from here (system calls made without the C library) shows in the
 * listing that the sync of a folder carries, and in the test that compares the whole folder at the end.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

/* Kinds of records; tests/disk/trace.rs has the same numbers. */
enum kind {
  CREATE = 1, TRUNCATE, WRITE, SYNC, SYNCED, RENAME, UNLINK, MKDIR, RMDIR, LINK, SYMLINK, MAPPED, HIT, CALL,
};

/* A record: this, then both names, then the data. */
struct record {
  uint32_t kind;
  int32_t error;
  uint64_t file, at, ticket;
  uint32_t name, other, data, spare;
};

#define RULES 16
#define SHORT (-1)

static const char *folder;
static size_t folder_length;
static int trace = -1, faults = -1;
static bool counts;
/* Whether this thread is inside the layer: what it calls from there is nobody's. */
static __thread bool within;
static pthread_mutex_t order = PTHREAD_MUTEX_INITIALIZER;
static pthread_once_t prepared = PTHREAD_ONCE_INIT;

#define REAL(result, name, ...) static result (*real_##name)(__VA_ARGS__)
REAL(int, open, const char *, int, ...);
REAL(int, openat, int, const char *, int, ...);
REAL(ssize_t, write, int, const void *, size_t);
REAL(ssize_t, pwrite, int, const void *, size_t, off_t);
REAL(ssize_t, copy_file_range, int, off_t *, int, off_t *, size_t, unsigned);
REAL(int, ftruncate, int, off_t);
REAL(int, fallocate, int, int, off_t, off_t);
REAL(int, fsync, int);
REAL(int, fdatasync, int);
REAL(int, renameat2, int, const char *, int, const char *, unsigned);
REAL(int, unlinkat, int, const char *, int);
REAL(int, linkat, int, const char *, int, const char *, int);
REAL(int, symlinkat, const char *, int, const char *);
REAL(int, mkdirat, int, const char *, mode_t);
REAL(int, mkostemps, char *, int, int);
REAL(void *, mmap, void *, size_t, int, int, int, off_t);
REAL(ssize_t, read, int, void *, size_t);
REAL(ssize_t, pread, int, void *, size_t, off_t);
REAL(int, close, int);
REAL(off_t, lseek, int, off_t, int);
REAL(int, fchmod, int, mode_t);
REAL(int, fstat, int, struct stat *);
REAL(int, fstatat, int, const char *, struct stat *, int);
REAL(int, statx, int, const char *, int, unsigned, struct statx *);
REAL(int, faccessat, int, const char *, int, int);
REAL(DIR *, opendir, const char *);
REAL(int, fflush, FILE *);
REAL(int, fclose, FILE *);

static _Noreturn void give_up(const char *why) {
  dprintf(2, "the layer beneath the test: %s: %s\n", why, strerror(errno));
  abort();
}

static void prepare(void) {
#define FIND(name) *(void **)&real_##name = dlsym(RTLD_NEXT, #name)
  FIND(open), FIND(openat), FIND(write), FIND(pwrite), FIND(copy_file_range), FIND(ftruncate), FIND(fallocate);
  FIND(fsync), FIND(fdatasync), FIND(renameat2), FIND(unlinkat), FIND(linkat), FIND(symlinkat), FIND(mkdirat);
  FIND(mkostemps), FIND(mmap), FIND(fflush), FIND(fclose), FIND(read), FIND(pread), FIND(close), FIND(lseek);
  FIND(fchmod), FIND(fstat), FIND(fstatat), FIND(statx), FIND(faccessat), FIND(opendir);
  counts = getenv("FLEETWRIGHT_LAYER_CALLS");
  const char *to = getenv("FLEETWRIGHT_LAYER_TRACE"), *rules = getenv("FLEETWRIGHT_LAYER_FAULTS");
  folder = getenv("FLEETWRIGHT_LAYER_FOLDER");
  if (!folder || !to) return;
  folder_length = strlen(folder);
  trace = real_open(to, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
  if (trace < 0) give_up("open the trace");
  if (rules) faults = real_open(rules, O_RDONLY | O_CLOEXEC);
}

static bool on(void) {
  pthread_once(&prepared, prepare);
  return trace >= 0;
}

/* Whether a path is below the folder, or the folder. */
static bool inside(const char *path) {
  return !strncmp(path, folder, folder_length) && (path[folder_length] == '/' || !path[folder_length]);
}

/* Takes `.`, `..` and doubled slashes out of an absolute path. */
static void simplify(char *path) {
  char *to = path;
  for (char *from = path; *from;) {
    while (*from == '/') from++;
    size_t length = strcspn(from, "/");
    if (length == 2 && from[0] == '.' && from[1] == '.') {
      while (to > path && *--to != '/') {}
    } else if (length && !(length == 1 && from[0] == '.')) {
      *to++ = '/';
      memmove(to, from, length);
      to += length;
    }
    from += length;
  }
  *to = 0;
}

/* The path of an open file; false when it is not below the folder. */
static bool path_of(int fd, char *path) {
  char link[64];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t length = readlink(link, path, PATH_MAX - 1);
  if (length < 0) return false;
  path[length] = 0;
  return inside(path);
}

/* The absolute path of a name in a folder; false when it is not below ours. */
static bool path_at(int dir, const char *name, char *path) {
  int saved = errno;
  char above[PATH_MAX] = "", link[64];
  if (name[0] != '/' && dir == AT_FDCWD && !getcwd(above, sizeof above)) give_up("find the current folder");
  if (name[0] != '/' && dir != AT_FDCWD) {
    snprintf(link, sizeof link, "/proc/self/fd/%d", dir);
    ssize_t length = readlink(link, above, sizeof above - 1);
    above[length < 0 ? 0 : length] = 0;
  }
  if (snprintf(path, PATH_MAX, "%s/%s", above, name) >= PATH_MAX) give_up("a path is too long");
  simplify(path);
  errno = saved;
  return inside(path);
}

static void lock(void) {
  within = true;
  pthread_mutex_lock(&order);
  while (flock(trace, LOCK_EX) && errno == EINTR) {}
}

/* Gives the lock back and returns a result with the error that belongs to it. */
static long unlock(long result, int error) {
  flock(trace, LOCK_UN);
  pthread_mutex_unlock(&order);
  within = false;
  errno = error;
  return result;
}

static uint64_t file_of(int fd) {
  struct stat seen;
  if (fstat(fd, &seen)) give_up("look at an open file");
  return seen.st_ino;
}

static uint64_t file_at(const char *path) {
  struct stat seen;
  return lstat(path, &seen) ? 0 : seen.st_ino;
}

static void append(struct record it, const char *name, const char *other, const void *data, size_t length) {
  it.name = strlen(name), it.other = strlen(other), it.data = length;
  struct iovec parts[] = {
      {&it, sizeof it}, {(void *)name, it.name}, {(void *)other, it.other}, {(void *)data, length}};
  if (writev(trace, parts, 4) != (ssize_t)(sizeof it + it.name + it.other + length)) give_up("append to the trace");
}

/* What shall happen to a call now: 0 nothing, an error number, or SHORT. A line of the control file is
 * `call pattern skip count error`: of the calls that match, `skip` pass, then `count` fail. */
static int fault(const char *call, const char *path) {
  static char known[4096];
  static long seen[RULES];
  char text[4096];
  ssize_t length = faults < 0 ? 0 : pread(faults, text, sizeof text - 1, 0);
  if (length <= 0) return known[0] = 0;
  text[length] = 0;
  if (strcmp(text, known)) memset(seen, 0, sizeof seen), strcpy(known, text);
  char *rest = text;
  for (int rule = 0; rule < RULES && *rest; rule++) {
    char name[32], pattern[512], error[16];
    long skip, count;
    int used = 0;
    if (sscanf(rest, "%31s %511s %ld %ld %15s%n", name, pattern, &skip, &count, error, &used) < 5) break;
    rest += used;
    const char *below = path + folder_length;
    if (strcmp(name, call) || fnmatch(pattern, *below ? below + 1 : below, 0)) continue;
    if (seen[rule]++ < skip || seen[rule] > skip + count) continue;
    int number = !strcmp(error, "SHORT") ? SHORT : !strcmp(error, "EIO") ? EIO : ENOSPC;
    append((struct record){.kind = HIT, .error = number}, path, call, "", 0);
    return number;
  }
  return 0;
}

#include "counted.h"

static int opened(int dir, const char *name, int flags, mode_t mode) {
  char path[PATH_MAX];
  bool changes = flags & (O_CREAT | O_TRUNC);
  if (!changes) count_at(dir, name);
  if (!on() || !changes || !path_at(dir, name, path)) return real_openat(dir, name, flags, mode);
  lock();
  bool there = file_at(path) != 0;
  int error = there ? 0 : fault("open", path);
  if (error > 0) return unlock(-1, error);
  int fd = real_openat(dir, name, flags, mode);
  if (fd < 0) return unlock(-1, errno);
  if (!there) append((struct record){.kind = CREATE, .file = file_of(fd), .at = mode}, path, "", "", 0);
  if (there && (flags & O_TRUNC)) append((struct record){.kind = TRUNCATE, .file = file_of(fd)}, path, "", "", 0);
  return unlock(fd, errno);
}

#define MODE(flags) \
  va_list more; \
  va_start(more, flags); \
  mode_t mode = (flags) & (O_CREAT | __O_TMPFILE) ? va_arg(more, mode_t) : 0; \
  va_end(more)

int open(const char *name, int flags, ...) {
  MODE(flags);
  return opened(AT_FDCWD, name, flags, mode);
}
int openat(int dir, const char *name, int flags, ...) {
  MODE(flags);
  return opened(dir, name, flags, mode);
}
int creat(const char *name, mode_t mode) { return opened(AT_FDCWD, name, O_CREAT | O_WRONLY | O_TRUNC, mode); }
int __open_2(const char *name, int flags) { return opened(AT_FDCWD, name, flags, 0); }
int __openat_2(int dir, const char *name, int flags) { return opened(dir, name, flags, 0); }

int mkostemps(char *template, int suffix, int flags) {
  char path[PATH_MAX];
  if (!on() || !path_at(AT_FDCWD, template, path)) return real_mkostemps(template, suffix, flags);
  lock();
  int error = fault("open", path), fd = error > 0 ? -1 : real_mkostemps(template, suffix, flags);
  if (fd < 0) return unlock(-1, error > 0 ? error : errno);
  path_of(fd, path);
  append((struct record){.kind = CREATE, .file = file_of(fd), .at = 0600}, path, "", "", 0);
  return unlock(fd, errno);
}
int mkstemp(char *template) { return mkostemps(template, 0, 0); }

/* Writes at a place, or where the file stands (`at` < 0). */
static ssize_t written(int fd, const void *data, size_t length, off_t at) {
  char path[PATH_MAX];
  if (!on() || !length || !path_of(fd, path))
    return at < 0 ? real_write(fd, data, length) : real_pwrite(fd, data, length, at);
  lock();
  int error = fault("write", path);
  if (error > 0) return unlock(-1, error);
  if (error == SHORT && length > 1) length /= 2;
  off_t place = at;
  if (at < 0) place = lseek(fd, 0, fcntl(fd, F_GETFL) & O_APPEND ? SEEK_END : SEEK_CUR);
  ssize_t done = at < 0 ? real_write(fd, data, length) : real_pwrite(fd, data, length, at);
  if (done > 0) append((struct record){.kind = WRITE, .file = file_of(fd), .at = place}, path, "", data, done);
  return unlock(done, errno);
}

ssize_t write(int fd, const void *data, size_t length) { return written(fd, data, length, -1); }
ssize_t pwrite(int fd, const void *data, size_t length, off_t at) { return written(fd, data, length, at); }

/* Several pieces are one write, as the kernel would have it. */
static ssize_t gathered(int fd, const struct iovec *parts, int count, off_t at) {
  size_t length = 0, used = 0;
  for (int part = 0; part < count; part++) length += parts[part].iov_len;
  char *data = malloc(length + 1);
  if (!data) give_up("gather a write");
  for (int part = 0; part < count; used += parts[part++].iov_len)
    memcpy(data + used, parts[part].iov_base, parts[part].iov_len);
  ssize_t done = written(fd, data, length, at);
  int saved = errno;
  free(data);
  errno = saved;
  return done;
}

ssize_t pwritev(int fd, const struct iovec *parts, int count, off_t at) { return gathered(fd, parts, count, at); }
ssize_t writev(int fd, const struct iovec *parts, int count) {
  char path[PATH_MAX];
  static ssize_t (*real)(int, const struct iovec *, int);
  if (!real) *(void **)&real = dlsym(RTLD_NEXT, "writev");
  /* The trace itself is written with it, and so are sockets. */
  if (!on() || fd == trace || !path_of(fd, path)) return real(fd, parts, count);
  return gathered(fd, parts, count, -1);
}

/* Copies inside the kernel cannot be written down: the caller then reads and writes. */
ssize_t copy_file_range(int from, off_t *at, int fd, off_t *to, size_t length, unsigned flags) {
  char path[PATH_MAX];
  if (on() && path_of(fd, path)) return errno = ENOSYS, -1;
  return real_copy_file_range(from, at, fd, to, length, flags);
}

/* A stream of the C library writes past us: when it is flushed or closed, what the file holds is written down. */
static void settle(FILE *stream) {
  char path[PATH_MAX];
  int fd = stream && on() ? fileno(stream) : -1;
  if (fd < 0 || !path_of(fd, path) || (fcntl(fd, F_GETFL) & O_ACCMODE) == O_RDONLY) return;
  lock();
  real_fflush(stream);
  struct stat seen;
  if (fstat(fd, &seen)) give_up("look at a stream");
  char *data = malloc(seen.st_size + 1);
  int again = real_open(path, O_RDONLY | O_CLOEXEC);
  ssize_t length = again < 0 || !data ? 0 : pread(again, data, seen.st_size, 0);
  if (length > 0) append((struct record){.kind = WRITE, .file = seen.st_ino}, path, "", data, length);
  if (again >= 0) close(again);
  free(data);
  unlock(0, errno);
}

int fflush(FILE *stream) { return settle(stream), on(), real_fflush(stream); }
int fclose(FILE *stream) { return settle(stream), on(), real_fclose(stream); }

int ftruncate(int fd, off_t length) {
  char path[PATH_MAX];
  if (!on() || !path_of(fd, path)) return real_ftruncate(fd, length);
  lock();
  int error = fault("truncate", path);
  if (error > 0) return unlock(-1, error);
  int failed = real_ftruncate(fd, length);
  if (!failed) append((struct record){.kind = TRUNCATE, .file = file_of(fd), .at = length}, path, "", "", 0);
  return unlock(failed, errno);
}

int fallocate(int fd, int mode, off_t at, off_t length) {
  char path[PATH_MAX];
  if (on() && path_of(fd, path)) return errno = EOPNOTSUPP, -1;
  return real_fallocate(fd, mode, at, length);
}
int posix_fallocate(int fd, off_t at, off_t length) {
  struct stat seen;
  if (fstat(fd, &seen)) return errno;
  return seen.st_size < at + length && ftruncate(fd, at + length) ? errno : 0;
}

/* `name number` for every entry of a folder, so that nothing in it can have gone unseen. */
static size_t list(const char *path, char **text) {
  size_t length = 0, room = 1 << 16;
  DIR *entries = opendir(path);
  *text = malloc(room);
  if (!entries || !*text) give_up("list a folder");
  for (struct dirent *entry; (entry = readdir(entries));) {
    if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, "..")) continue;
    if (length + NAME_MAX + 32 > room && !(*text = realloc(*text, room *= 2))) give_up("list a folder");
    length += sprintf(*text + length, "%s/%llu\n", entry->d_name, (unsigned long long)entry->d_ino);
  }
  closedir(entries);
  return length;
}

static int synced(int fd, int (*real)(int)) {
  static uint32_t last;
  char path[PATH_MAX], *listing = NULL;
  if (!on() || !path_of(fd, path)) return real(fd);
  lock();
  struct stat seen;
  if (fstat(fd, &seen)) give_up("look at a file to sync");
  size_t length = S_ISDIR(seen.st_mode) ? list(path, &listing) : 0;
  struct record it = {.kind = SYNC, .file = seen.st_ino, .ticket = (uint64_t)getpid() << 32 | ++last};
  append(it, path, "", listing ? listing : "", length);
  free(listing);
  int error = fault("sync", path);
  unlock(0, 0);
  int failed = error > 0 ? -1 : real(fd);
  if (failed && error <= 0) error = errno;
  lock();
  it.kind = SYNCED, it.error = failed ? error : 0;
  append(it, path, "", "", 0);
  return unlock(failed, error);
}

int fsync(int fd) { return on(), synced(fd, real_fsync); }
int fdatasync(int fd) { return on(), synced(fd, real_fdatasync); }

/* A change of names, once it is known that it concerns the folder. */
#define NAMES(call, what, from, to, make) \
  lock(); \
  uint64_t file = file_at(from); \
  int error = fault(call, *(to) ? (to) : (from)); \
  if (error > 0) return unlock(-1, error); \
  int failed = (make); \
  if (!failed) append((struct record){.kind = what, .file = file ? file : file_at(from)}, from, to, "", 0); \
  return unlock(failed, errno)

int renameat2(int dir, const char *old, int other, const char *new, unsigned flags) {
  char from[PATH_MAX], to[PATH_MAX];
  bool ours = on() && path_at(dir, old, from) | path_at(other, new, to);
  if (!ours) return real_renameat2(dir, old, other, new, flags);
  NAMES("rename", RENAME, from, to, real_renameat2(dir, old, other, new, flags));
}
int renameat(int dir, const char *old, int other, const char *new) { return renameat2(dir, old, other, new, 0); }
int rename(const char *old, const char *new) { return renameat2(AT_FDCWD, old, AT_FDCWD, new, 0); }

int unlinkat(int dir, const char *name, int flags) {
  char path[PATH_MAX];
  if (!on() || !path_at(dir, name, path)) return real_unlinkat(dir, name, flags);
  NAMES("unlink", flags & AT_REMOVEDIR ? RMDIR : UNLINK, path, "", real_unlinkat(dir, name, flags));
}
int unlink(const char *name) { return unlinkat(AT_FDCWD, name, 0); }
int rmdir(const char *name) { return unlinkat(AT_FDCWD, name, AT_REMOVEDIR); }

int linkat(int dir, const char *old, int other, const char *new, int flags) {
  char from[PATH_MAX], to[PATH_MAX];
  bool ours = on() && path_at(dir, old, from) | path_at(other, new, to);
  if (!ours) return real_linkat(dir, old, other, new, flags);
  NAMES("link", LINK, from, to, real_linkat(dir, old, other, new, flags));
}
int link(const char *old, const char *new) { return linkat(AT_FDCWD, old, AT_FDCWD, new, 0); }

int symlinkat(const char *target, int dir, const char *name) {
  char path[PATH_MAX];
  if (!on() || !path_at(dir, name, path)) return real_symlinkat(target, dir, name);
  NAMES("link", SYMLINK, path, "", real_symlinkat(target, dir, name));
}
int symlink(const char *target, const char *name) { return symlinkat(target, AT_FDCWD, name); }

int mkdirat(int dir, const char *name, mode_t mode) {
  char path[PATH_MAX];
  if (!on() || !path_at(dir, name, path)) return real_mkdirat(dir, name, mode);
  NAMES("mkdir", MKDIR, path, "", real_mkdirat(dir, name, mode));
}
int mkdir(const char *name, mode_t mode) { return mkdirat(AT_FDCWD, name, mode); }

/* Writing through memory cannot be written down; the reader of the trace stops at this record. */
void *mmap(void *at, size_t length, int access, int flags, int fd, off_t offset) {
  char path[PATH_MAX];
  bool writes = (flags & MAP_SHARED) && (access & PROT_WRITE) && !(flags & MAP_ANONYMOUS);
  if (writes && on() && path_of(fd, path)) {
    lock();
    append((struct record){.kind = MAPPED, .file = file_of(fd)}, path, "", "", 0);
    unlock(0, errno);
  }
  return on(), real_mmap(at, length, access, flags, fd, offset);
}

/* The same calls under the names that they have where files may be large. */
#define ALSO(name, of) __typeof__(of) name __attribute__((alias(#of)))
ALSO(open64, open);
ALSO(openat64, openat);
ALSO(creat64, creat);
ALSO(__open64_2, __open_2);
ALSO(__openat64_2, __openat_2);
ALSO(mkstemp64, mkstemp);
ALSO(mkostemps64, mkostemps);
ALSO(pwrite64, pwrite);
ALSO(pwritev64, pwritev);
ALSO(ftruncate64, ftruncate);
ALSO(fallocate64, fallocate);
ALSO(posix_fallocate64, posix_fallocate);
ALSO(mmap64, mmap);
