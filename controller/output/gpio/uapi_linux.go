package gpio

import (
	"fmt"
	"unsafe"

	"golang.org/x/sys/unix"

	"kanmon/internal/fault"
)

// The Linux GPIO character device, version 2: include/uapi/linux/gpio.h, since Linux 5.10. The layouts are the same on every architecture.

const (
	ioctlGetLine   = 0xC250B407 // _IOWR(0xB4, 0x07, struct gpio_v2_line_request)
	ioctlGetValues = 0xC010B40E // _IOWR(0xB4, 0x0E, struct gpio_v2_line_values)
	ioctlSetValues = 0xC010B40F // _IOWR(0xB4, 0x0F, struct gpio_v2_line_values)
)

const (
	flagInput  = 1 << 2 // GPIO_V2_LINE_FLAG_…
	flagOutput = 1 << 3
	flagPullUp = 1 << 8

	attrFlags    = 1 // GPIO_V2_LINE_ATTR_ID_…
	attrValues   = 2
	attrDebounce = 3
)

// lineValues is struct gpio_v2_line_values.
type lineValues struct {
	bits, mask uint64
}

// lineAttribute is struct gpio_v2_line_config_attribute; value is the union of flags, values and a debounce time in microseconds.
type lineAttribute struct {
	id    uint32
	_     uint32
	value uint64
	mask  uint64
}

// lineConfig is struct gpio_v2_line_config.
type lineConfig struct {
	flags    uint64
	numAttrs uint32
	_        [5]uint32
	attrs    [10]lineAttribute
}

// lineRequest is struct gpio_v2_line_request.
type lineRequest struct {
	offsets         [64]uint32
	consumer        [32]byte
	config          lineConfig
	numLines        uint32
	eventBufferSize uint32
	_               [5]uint32
	fd              int32
}

// ask describes the lines of a Config: inputs by default, with attributes for what differs.
func ask(c Config) lineRequest {
	var r lineRequest
	for i, n := range c.lines() {
		r.offsets[i] = uint32(n)
	}
	r.numLines = uint32(len(c.lines()))
	copy(r.consumer[:], "kanmon")
	r.config.flags = flagInput
	if c.PullUp {
		r.config.flags |= flagPullUp
	}
	if len(c.Outputs) > 0 {
		r.config.add(attrFlags, flagOutput, c.outputMask())
		r.config.add(attrValues, c.rest(), c.outputMask())
	}
	if len(c.Inputs) > 0 {
		r.config.add(attrDebounce, debounceValue(uint32(Debounce.Microseconds())), c.inputMask())
	}
	return r
}

func (c *lineConfig) add(id uint32, value, mask uint64) {
	c.attrs[c.numAttrs] = lineAttribute{id: id, value: value, mask: mask}
	c.numAttrs++
}

// debounceValue places a 32 bit member of the union where the kernel looks for it, whatever the byte order.
func debounceValue(us uint32) (union uint64) {
	*(*uint32)(unsafe.Pointer(&union)) = us //nolint:gosec // the kernel's union
	return union
}

// lines is what the kernel hands out for a request.
type held struct{ fd int }

// request asks the kernel for the lines. The outputs have their values of rest before anybody else may drive them.
func request(c Config) (handle, error) {
	chip, err := unix.Open(c.Path, unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, unavailable("open "+c.Path, err)
	}
	defer func() { _ = unix.Close(chip) }() // the lines have a descriptor of their own
	r := ask(c)
	if err := ioctl(chip, ioctlGetLine, unsafe.Pointer(&r)); err != nil { //nolint:gosec // the kernel's structure
		return nil, unavailable(fmt.Sprintf("lines %v of %s", c.lines(), c.Path), err)
	}
	unix.CloseOnExec(int(r.fd))
	return held{int(r.fd)}, nil
}

func (h held) Set(mask, values uint64) error {
	v := lineValues{bits: values, mask: mask}
	return unavailable("set GPIO lines", ioctl(h.fd, ioctlSetValues, unsafe.Pointer(&v))) //nolint:gosec // the kernel's structure
}

func (h held) Get(mask uint64) (uint64, error) {
	v := lineValues{mask: mask}
	err := ioctl(h.fd, ioctlGetValues, unsafe.Pointer(&v)) //nolint:gosec // the kernel's structure
	return v.bits, unavailable("read GPIO lines", err)
}

func (h held) Close() error { return unavailable("close GPIO lines", unix.Close(h.fd)) }

func ioctl(fd int, what uint, arg unsafe.Pointer) error {
	if _, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), uintptr(what), uintptr(arg)); errno != 0 {
		return errno
	}
	return nil
}

func unavailable(doing string, err error) error { return fault.Wrap(fault.Unavailable, err, doing) }
