package frame

import (
	"time"

	"kanmon/internal/fault"
	"kanmon/reader"
	"kanmon/reader/credential"
)

// Codec is a profile that makes sense, for one reader.
type Codec struct {
	profile Profile
	send    Layout
	address uint64
}

// Compile checks a profile for a reader at an address (0 where the profile has none). An error names the field as it is written in JSON, such as
// frame.check.kind.
func Compile(p Profile, address int) (*Codec, error) {
	c := &Codec{profile: p, send: p.Frame, address: uint64(address)}
	if p.Send != nil {
		c.send = *p.Send
	}
	if err := p.check(address); err != nil {
		return nil, err
	}
	return c, c.checkSent()
}

// Decoder makes a decoder for what the reader sends.
func (c *Codec) Decoder() *Decoder {
	return &Decoder{layout: c.profile.Frame, address: c.address, max: c.profile.Frame.max()}
}

// Gap is the silence that ends a broken frame.
func (c *Codec) Gap() time.Duration { return ms(c.profile.GapMS, 100) }

// Every is from one poll to the next; 0: the reader is not polled.
func (c *Codec) Every() time.Duration {
	if c.profile.Poll == nil {
		return 0
	}
	return ms(c.profile.Poll.EveryMS, 0)
}

// Alive is how long the reader may say nothing valid; 0: for ever.
func (c *Codec) Alive() time.Duration {
	if c.profile.AliveMS == 0 && c.profile.Poll != nil {
		return max(time.Second, 5*c.Every())
	}
	return ms(c.profile.AliveMS, 0)
}

// Echo says that what is sent comes back.
func (c *Codec) Echo() bool { return c.profile.Echo }

func ms(n, otherwise int) time.Duration {
	if n == 0 {
		n = otherwise
	}
	return time.Duration(n) * time.Millisecond
}

// Frame is a body as the reader sends it, for a simulated one.
func (c *Codec) Frame(body []byte) []byte { return c.profile.Frame.frame(c.address, body) }

// Poll is the question as it goes over the line.
func (c *Codec) Poll() []byte { return c.send.frame(c.address, c.profile.Poll.Send) }

// Taken tells the reader that its card has come; nil: nothing does.
func (c *Codec) Taken() []byte {
	if p := c.profile.Poll; p != nil && len(p.Taken) > 0 {
		return c.send.frame(c.address, p.Taken)
	}
	return nil
}

// Show is what shows a person an answer; nil: the reader cannot.
func (c *Codec) Show(f reader.Feedback) []byte {
	body, ok := c.profile.Show[feedbacks[f]]
	if !ok {
		return nil
	}
	return c.send.frame(c.address, body)
}

var feedbacks = map[reader.Feedback]string{
	reader.ShowGranted: "granted", reader.ShowDenied: "denied", reader.ShowTrouble: "trouble", reader.ShowEnterPIN: "enter_pin", reader.ShowWait: "wait",
}

// Read takes the credential from a body. card is false for a frame that is none.
func (c *Codec) Read(body []byte) (got credential.Credential, card bool, err error) {
	for _, m := range c.profile.Card.When {
		if !at(body, m.Offset, m.Bytes) {
			return got, false, nil
		}
	}
	if n := c.profile.Card.Length; n > 0 && len(body) != n {
		return got, true, ErrLength
	}
	got, err = c.profile.Card.read(body)
	return got, true, err
}

func at(body []byte, offset int, want []byte) bool {
	return offset+len(want) <= len(body) && string(body[offset:offset+len(want)]) == string(want)
}

// errField says that a field does not hold what the profile says. It does not say what it holds.
func errField(name string) error {
	return fault.New(fault.Invalid, "frame.field", "a card's frame: "+name+" is not what the profile says")
}
