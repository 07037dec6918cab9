package pcsc

// escapeCode makes IOCTL_CCID_ESCAPE of Microsoft's CCID driver, once the registry allows it (EscapeCommandEnable).
const escapeCode = 3500
