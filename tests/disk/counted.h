/* Part of layer.c: calls that change nothing, written down for the sake of their number. What the C library does inside
 * of itself (the reading of a folder) is one call. */
/* Writes down a call that changes nothing. */
static void count(bool ours, const char *path) {
  if (!ours) return;
  int saved = errno;
  lock();
  append((struct record){.kind = CALL}, path, "", "", 0);
  unlock(0, saved);
}

static void count_fd(int fd) {
  char path[PATH_MAX];
  int saved = errno;
  if (on() && counts && !within) count(path_of(fd, path), path);
  errno = saved;
}

static void count_at(int dir, const char *name) {
  char path[PATH_MAX];
  int saved = errno;
  if (on() && counts && !within && name) {
    if (*name) count(path_at(dir, name, path), path);
    else count_fd(dir);
  }
  errno = saved;
}

#define COUNTED(result, name, count, types, values) \
  result name types { return count, real_##name values; }
COUNTED(ssize_t, read, count_fd(fd), (int fd, void *to, size_t length), (fd, to, length))
COUNTED(ssize_t, pread, count_fd(fd), (int fd, void *to, size_t length, off_t at), (fd, to, length, at))
COUNTED(int, close, count_fd(fd), (int fd), (fd))
COUNTED(off_t, lseek, count_fd(fd), (int fd, off_t at, int from), (fd, at, from))
COUNTED(int, fchmod, count_fd(fd), (int fd, mode_t mode), (fd, mode))
COUNTED(int, fstat, count_fd(fd), (int fd, struct stat *to), (fd, to))
COUNTED(int, fstatat, count_at(dir, name), (int dir, const char *name, struct stat *to, int flags), (dir, name, to, flags))
COUNTED(int, statx, count_at(dir, name), (int dir, const char *name, int flags, unsigned mask, struct statx *to),
        (dir, name, flags, mask, to))
COUNTED(int, faccessat, count_at(dir, name), (int dir, const char *name, int mode, int flags), (dir, name, mode, flags))
COUNTED(DIR *, opendir, count_at(AT_FDCWD, name), (const char *name), (name))
int stat(const char *name, struct stat *to) { return fstatat(AT_FDCWD, name, to, 0); }
int lstat(const char *name, struct stat *to) { return fstatat(AT_FDCWD, name, to, AT_SYMLINK_NOFOLLOW); }
int access(const char *name, int mode) { return faccessat(AT_FDCWD, name, mode, 0); }

ssize_t pread64(int, void *, size_t, off_t) __attribute__((alias("pread")));
off_t lseek64(int, off_t, int) __attribute__((alias("lseek")));
int fstat64(int fd, struct stat64 *to) { return fstat(fd, (struct stat *)to); }
int fstatat64(int dir, const char *name, struct stat64 *to, int flags) {
  return fstatat(dir, name, (struct stat *)to, flags);
}
int stat64(const char *name, struct stat64 *to) { return fstatat64(AT_FDCWD, name, to, 0); }
int lstat64(const char *name, struct stat64 *to) { return fstatat64(AT_FDCWD, name, to, AT_SYMLINK_NOFOLLOW); }
