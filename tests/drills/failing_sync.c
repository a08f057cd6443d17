/* Put before the C library's, it lets fdatasync fail while the file that DRILL_SYNC_FAILS names is there. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

int fdatasync(int descriptor)
{
    static int (*sound)(int);
    const char *sign = getenv("DRILL_SYNC_FAILS");

    if (sign != NULL && access(sign, F_OK) == 0) {
        errno = EIO;
        return -1;
    }
    if (sound == NULL)
        sound = (int (*)(int))dlsym(RTLD_NEXT, "fdatasync");
    return sound(descriptor);
}
