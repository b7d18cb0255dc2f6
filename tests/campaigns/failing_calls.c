/* The k-th call of a function of the C library fails, once it is armed: for LD_PRELOAD.
 *
 *   failing_arm(function, k, error, until): the k-th call from now on, and those up to the one
 *     before `until`, fail with this errno; for `write` and `pwrite`, -1 writes half of the bytes.
 *     Calls of other processes, and of a child of this one that runs another program, do not.
 *   failing_disarm(): nothing fails any more. Returns how many calls there were.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

enum { WRITE = 1, FSYNC, RENAME, OPEN, ALLOCATE, MAP, EXECUTE, FORK };

static _Atomic int armed;
static atomic_long calls, first, until;
static _Atomic int error;

/* Whether this call is one that fails. */
static int fails(int function) {
  if (atomic_load(&armed) != function) return 0;
  const long call = atomic_fetch_add(&calls, 1) + 1;
  return call >= atomic_load(&first) && call < atomic_load(&until);
}

static int refused(void) {
  errno = atomic_load(&error);
  return -1;
}

void failing_arm(int function, long k, int with, long end) {
  atomic_store(&calls, 0);
  atomic_store(&first, k);
  atomic_store(&until, end);
  atomic_store(&error, with);
  atomic_store(&armed, function);
}

long failing_disarm(void) {
  atomic_store(&armed, 0);
  return atomic_load(&calls);
}

#define NEXT(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

static size_t part(size_t count) { return count > 1 ? count / 2 : count; }

ssize_t write(int file, const void *data, size_t count) {
  if (fails(WRITE)) {
    if (atomic_load(&error) >= 0) return refused();
    count = part(count);
  }
  return syscall(SYS_write, file, data, count);
}

ssize_t pwrite64(int file, const void *data, size_t count, off64_t offset) {
  if (fails(WRITE)) {
    if (atomic_load(&error) >= 0) return refused();
    count = part(count);
  }
  return syscall(SYS_pwrite64, file, data, count, offset);
}

ssize_t pwrite(int file, const void *data, size_t count, off_t offset) {
  return pwrite64(file, data, count, offset);
}

int ftruncate64(int file, off64_t size) {
  return fails(WRITE) && atomic_load(&error) >= 0 ? refused() : (int)syscall(SYS_ftruncate, file, size);
}

int ftruncate(int file, off_t size) { return ftruncate64(file, size); }

int fsync(int file) { return fails(FSYNC) ? refused() : (int)syscall(SYS_fsync, file); }

int fdatasync(int file) { return fails(FSYNC) ? refused() : (int)syscall(SYS_fdatasync, file); }

int rename(const char *old, const char *new) {
  return fails(RENAME) ? refused() : NEXT(rename)(old, new);
}

int renameat(int folder, const char *old, int other, const char *new) {
  return fails(RENAME) ? refused() : NEXT(renameat)(folder, old, other, new);
}

#define OPENED(flags)                       \
  mode_t mode = 0;                          \
  if ((flags) & (O_CREAT | O_TMPFILE)) {    \
    va_list list;                           \
    va_start(list, flags);                  \
    mode = (mode_t)va_arg(list, int);       \
    va_end(list);                           \
  }                                         \
  if (fails(OPEN)) return refused()

int open(const char *path, int flags, ...) {
  OPENED(flags);
  return NEXT(open)(path, flags, mode);
}

int open64(const char *path, int flags, ...) {
  OPENED(flags);
  return NEXT(open64)(path, flags, mode);
}

int openat(int folder, const char *path, int flags, ...) {
  OPENED(flags);
  return NEXT(openat)(folder, path, flags, mode);
}

int openat64(int folder, const char *path, int flags, ...) {
  OPENED(flags);
  return NEXT(openat64)(folder, path, flags, mode);
}

int execve(const char *path, char *const arguments[], char *const environment[]) {
  return fails(EXECUTE) ? refused() : NEXT(execve)(path, arguments, environment);
}

pid_t fork(void) { return fails(FORK) ? refused() : NEXT(fork)(); }

/* dlsym allocates, so these call what glibc's own are made of. */
extern void *__libc_malloc(size_t);
extern void *__libc_calloc(size_t, size_t);
extern void *__libc_realloc(void *, size_t);
extern void *__libc_memalign(size_t, size_t);

static void *no_memory(void) {
  errno = ENOMEM;
  return NULL;
}

void *malloc(size_t size) { return fails(ALLOCATE) ? no_memory() : __libc_malloc(size); }

void *calloc(size_t count, size_t size) {
  return fails(ALLOCATE) ? no_memory() : __libc_calloc(count, size);
}

void *realloc(void *old, size_t size) {
  return fails(ALLOCATE) ? no_memory() : __libc_realloc(old, size);
}

void *memalign(size_t alignment, size_t size) {
  return fails(ALLOCATE) ? no_memory() : __libc_memalign(alignment, size);
}

void *aligned_alloc(size_t alignment, size_t size) { return memalign(alignment, size); }

int posix_memalign(void **found, size_t alignment, size_t size) {
  if (fails(ALLOCATE)) return ENOMEM;
  *found = __libc_memalign(alignment, size);
  return *found ? 0 : ENOMEM;
}

void *mmap64(void *at, size_t size, int access, int flags, int file, off64_t offset) {
  if (fails(MAP)) return errno = ENOMEM, MAP_FAILED;
  return (void *)syscall(SYS_mmap, at, size, access, flags, file, offset);
}

void *mmap(void *at, size_t size, int access, int flags, int file, off_t offset) {
  return mmap64(at, size, access, flags, file, offset);
}
