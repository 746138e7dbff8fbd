/* Makes every fsync and fdatasync take at least FLEETWRIGHT_SYNC_US microseconds, as a slower disk does.
   Preloaded by `benches/writer/slow.rs` into both sides alike. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <time.h>

static long long now(void)
{
	struct timespec at;
	clock_gettime(CLOCK_MONOTONIC, &at);
	return at.tv_sec * 1000000000LL + at.tv_nsec;
}

static int padded(const char *name, int file)
{
	const char *text = getenv("FLEETWRIGHT_SYNC_US");
	long long end = now() + (text ? atoll(text) : 0) * 1000;
	int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, name);
	int result = real(file);
	long long left = end - now();
	if (left > 0) {
		struct timespec rest = { left / 1000000000, left % 1000000000 };
		nanosleep(&rest, NULL);
	}
	return result;
}

int fsync(int file)
{
	return padded("fsync", file);
}

int fdatasync(int file)
{
	return padded("fdatasync", file);
}
