package gpio

import (
	"testing"
	"unsafe"

	"kanmon/internal/fault"
)

// The figures were printed by a C program from linux/gpio.h of Linux 6.1: sizeof and offsetof of the structures.
func TestTheKernelsStructuresHaveTheKernelsLayout(t *testing.T) {
	var r lineRequest
	var c lineConfig
	var a lineAttribute
	for name, x := range map[string][2]uintptr{
		"gpio_v2_line_request":               {unsafe.Sizeof(r), 592},
		"gpio_v2_line_config":                {unsafe.Sizeof(c), 272},
		"gpio_v2_line_config_attribute":      {unsafe.Sizeof(a), 24},
		"gpio_v2_line_values":                {unsafe.Sizeof(lineValues{}), 16},
		"gpio_v2_line_request.consumer":      {unsafe.Offsetof(r.consumer), 256},
		"gpio_v2_line_request.config":        {unsafe.Offsetof(r.config), 288},
		"gpio_v2_line_request.num_lines":     {unsafe.Offsetof(r.numLines), 560},
		"gpio_v2_line_request.buffer_size":   {unsafe.Offsetof(r.eventBufferSize), 564},
		"gpio_v2_line_request.fd":            {unsafe.Offsetof(r.fd), 588},
		"gpio_v2_line_config.num_attrs":      {unsafe.Offsetof(c.numAttrs), 8},
		"gpio_v2_line_config.attrs":          {unsafe.Offsetof(c.attrs), 32},
		"gpio_v2_line_config_attribute.attr": {unsafe.Offsetof(a.value), 8},
		"gpio_v2_line_config_attribute.mask": {unsafe.Offsetof(a.mask), 16},
	} {
		if x[0] != x[1] {
			t.Errorf("%s: %d, the kernel has %d", name, x[0], x[1])
		}
	}
}

// _IOWR(type, nr, size) is 3<<30 | size<<16 | type<<8 | nr (asm-generic/ioctl.h).
func TestTheRequestsNumbersAreMadeOfTheirSizes(t *testing.T) {
	iowr := func(nr, size uintptr) uintptr { return 3<<30 | size<<16 | 0xB4<<8 | nr }
	for got, want := range map[uintptr]uintptr{ioctlGetLine: iowr(7, 592), ioctlGetValues: iowr(0x0E, 16), ioctlSetValues: iowr(0x0F, 16)} {
		if got != want {
			t.Errorf("%x, want %x", got, want)
		}
	}
}

func TestALineIsAskedForAsTheKernelWantsIt(t *testing.T) {
	r := ask(Config{Outputs: []Output{{Line: 17}, {Line: 27, Rest: true}}, Inputs: []int{22, 5}, PullUp: true})
	if r.numLines != 4 || r.offsets[0] != 17 || r.offsets[1] != 27 || r.offsets[2] != 22 || r.offsets[3] != 5 || string(r.consumer[:7]) != "kanmon\x00" {
		t.Fatalf("lines %v of %q", r.offsets[:r.numLines], r.consumer)
	}
	want := []lineAttribute{{id: 1, value: 8, mask: 0b0011}, {id: 2, value: 0b10, mask: 0b0011}, {id: 3, value: debounceValue(10_000), mask: 0b1100}}
	if r.config.flags != 0x104 || r.config.numAttrs != 3 {
		t.Fatalf("flags %x, %d attributes", r.config.flags, r.config.numAttrs)
	}
	for i, a := range want {
		if r.config.attrs[i] != a {
			t.Errorf("attribute %d: %+v, want %+v", i, r.config.attrs[i], a)
		}
	}
}

func TestAChipThatIsNotThereIsUnavailable(t *testing.T) {
	for _, path := range []string{"/nowhere/gpiochip0", "/dev/null"} { // the second is no GPIO chip
		if _, err := request(Config{Path: path, Inputs: []int{1}}); fault.KindOf(err) != fault.Unavailable {
			t.Errorf("%s: %v", path, err)
		}
	}
}
