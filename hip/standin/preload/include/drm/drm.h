// linux/kfd_ioctl.h includes drm/drm.h, which the kernel's headers of Debian
// leave to libdrm, for these types alone.
#include <linux/types.h>
#include <asm/ioctl.h>
