package controller

import (
	"slices"
	"testing"

	"kanmon/internal/access"
)

// R43-2, R44-1, R44-6: a day of a room for no fewer than two people, with visitors and their escorts, over real readers on a line, in a controller that
// has nobody to ask. Each scene names what stands on the disk after it, all of it and in this order. At the end every decision is made again from the
// journal and comes out the same.
func TestADayInARoomForTwoWithVisitorsAndTheirEscorts(t *testing.T) {
	s := newStory(t)
	s.twoPeople()
	s.visitors()
	s.everybodyLeaves()
	s.pins()
	s.afterAPowerCut()
	s.stop()
	s.everythingAgain()
}

func (s *story) twoPeople() {
	// One person with two cards is one person.
	before := s.devices["IN-1"].Snapshot()
	s.hold("IN-1", "A", "A2")
	s.shows("IN-1", "amber", before)
	s.tells("access_pending A second_person_required", "access_pending A second_person_required", "access_denied A second_person_required in vain")
	s.shut()
	// Two people within the window.
	s.passes("IN-1", []string{"A", "B"}, []string{"access_pending A second_person_required", "access_granted A", "access_granted B"}, "B")
	// The third of three comes and goes alone.
	s.passes("IN-1", []string{"C"}, []string{"access_granted C"}, "C")
	// Nobody comes in twice, whichever card they hold.
	s.refused("IN-1", "A", "A", access.PassedBack)
	s.refused("IN-1", "A2", "A", access.PassedBack)
	s.leaves("C")
	s.passes("IN-1", []string{"C"}, []string{"access_granted C"}, "C")
}

func (s *story) visitors() {
	s.leaves("A")
	s.alone()
	// The visitors first, then one escort for both: that B is inside is not enough.
	s.passes("IN-1", []string{"V1", "V2", "A"}, []string{
		"access_pending V1 escort_required", "access_pending V2 escort_required", "access_granted V1", "access_granted V2", "access_granted A",
	}, "A")
	// While another escort is inside one may go. The last one leaves visitors behind: they may go, and it is an alarm.
	s.leaves("B")
	s.leaves("A", "rule_broken A escort_left")
	s.alone()
	// The third visitor is one too many for one escort, who waits with them for the second. Then the room is full.
	s.passes("IN-1", []string{"V3", "A", "B"}, []string{
		"access_pending V3 escort_required", "access_pending A escort_required", "access_granted V3", "access_granted A", "access_granted B",
	}, "B")
	s.refused("IN-1", "D", "D", access.AreaFull)
	// Without an escort at the reader a visitor waits in vain, whoever is inside.
	s.leaves("V3")
	s.alone()
	s.hold("IN-1", "V3")
	s.tells("access_pending V3 escort_required", "access_denied V3 escort_required in vain")
	s.shut()
}

func (s *story) everybodyLeaves() {
	for _, who := range []string{"V1", "V2", "C"} {
		s.leaves(who)
	}
	// One person stays behind where two have to be: an alarm, and the way out is open.
	s.leaves("B", "rule_broken B left_alone")
	// The button inside names nobody: A may have left, or not. Nobody is held to it.
	s.devices["IO-1"].SetInput(1, true)
	s.devices["IO-1"].SetInput(1, false)
	s.released(0)
	s.opensAndCloses(0)
	s.tells("request_to_exit", "places_doubtful", "door_opened", "door_closed")
	s.await("the door is locked", func() bool { return s.edge.Status().Doors[0].State == "locked" })
	s.passes("IN-1", []string{"A", "B"}, []string{"access_pending A second_person_required", "access_granted A", "access_granted B"}, "B")
	s.passes("IN-1", []string{"C"}, []string{"access_granted C"}, "C")
}

func (s *story) pins() {
	// Under threat the reader shows and sounds what it always does, and the door opens.
	shows, beeps := s.enters("A", "246813")
	showsThen, beepsThen := s.enters("A", "975310", "duress A")
	if shows != showsThen || beeps != beepsThen {
		s.t.Errorf("shown %d and sounded %d times, under threat %d and %d", shows, beeps, showsThen, beepsThen)
	}
	// Five wrong PINs with one card, and none is taken any more. The other card's are.
	for n := range 5 {
		s.hold("IN-2", "B")
		s.typed("IN-2", "000000")
		told := []string{"access_pending B pin_required", "pin_stopped B", "access_denied B pin_wrong"}
		if n < 4 {
			told = slices.Delete(told, 1, 2)
		}
		s.tells(told...)
	}
	s.refused("IN-2", "B", "B", access.PINBlocked)
	s.enters("A", "246813")
}

func (s *story) afterAPowerCut() {
	s.powerCut()
	s.refused("IN-1", "C", "C", access.PassedBack)
	s.refused("IN-2", "B", "B", access.PINBlocked)
	s.leaves("C")
	s.passes("IN-1", []string{"C"}, []string{"access_granted C"}, "C")
}
