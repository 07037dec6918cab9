// Package bus is the controller's side of one OSDP line with one or more devices. It turns the line into two
// things: events (a card, a contact that moved, a device gone) given to Config.Emit, and commands (a strike, a
// light) taken by Do.
//
// # Security
//
// Every device has a key of its own and is spoken to in a secure channel, or not at all. Nothing a device says in
// clear changes that: there is no clear mode, the public default key is never used, and the check bytes stay a
// CRC whatever the capabilities say. Only ID, CAP and the handshake go in clear; ID and CAP are asked again
// inside the session, and a difference is an Alarm. A card or a key press that comes in clear, or not encrypted,
// is an Alarm and nothing else. One wrong MAC ends the session. Sessions lost more often than chance explains
// are an Alarm and are slowed down; a failed handshake is tried again after 1 s, doubling to 60 s. A key is replaced in a session
// under it (KEYSET), and holds when a handshake under the new one is complete.
//
// # The line
//
// One goroutine serves it: one exchange at a time, and a frame that was not answered is sent again as the same
// bytes. Orders that switch an output go first, then other orders, then the device that has waited longest; the orders
// never shut out the polls. A device that does not answer costs the others one reply timeout at a time, and all
// silent devices together at most a quarter of the line.
package bus
