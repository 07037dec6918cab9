package bus

import "time"

// alarmLog spares everybody the same alarm a thousand times.
type alarmLog struct {
	told  time.Time
	count int // since told
}

// alarm tells the first of its kind at once and then at most one for each Timing.AlarmEvery, with a count.
func (d *device) alarm(now time.Time, kind AlarmKind, detail string) {
	l := d.alarms[kind]
	if l == nil {
		l = &alarmLog{}
		d.alarms[kind] = l
	}
	l.count++
	if !l.told.IsZero() && now.Sub(l.told) < d.timing().AlarmEvery {
		return
	}
	e := Alarm{Device: d.Name, At: now, Kind: kind, Detail: detail, Count: l.count}
	l.told, l.count = now, 0
	d.bus.cfg.Log.Warn("osdp alarm", "device", d.Name, "kind", string(kind), "detail", detail, "count", e.Count)
	d.bus.cfg.Emit(e)
}
