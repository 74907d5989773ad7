package controller

import (
	"testing"

	"github.com/runs-fleet/runs-fleet/internal/fleet"
)

func TestEveryReasonOfAnEndIsKnown(t *testing.T) { // failure mode M6
	for text, want := range map[string]EndReason{
		textUnneeded: EndUnneeded, textOutnumbered: EndOutnumbered, textDraining: EndDraining, textKilled: EndDraining,
		textSpent: EndSpent, textUnmatched: EndUnmatched, textNoWorker: EndNoWorker, textJobEnded: EndJobEnded,
		textAgentIdle: EndJobEnded, textRunnerEnded: EndListenerEnded, textListenerEnded: EndListenerEnded,
		textOverrun + " of 6h0m0s": EndOverrun, textSilent + " since 12:00:00 UTC": EndSilent, "the moon is full": EndOther,
	} {
		m := fleet.Machine{Retire: &fleet.Retirement{Reason: text}}
		if got := endReason(m, false); got != want {
			t.Errorf("endReason(%q) = %q, want %q", text, got, want)
		}
		m.Code = "BootTimeout"
		if got := endReason(m, false); got != EndFailed {
			t.Errorf("endReason of a machine with a code = %q, want %q", got, EndFailed)
		}
	}
	if got := endReason(fleet.Machine{}, true); got != EndLost {
		t.Errorf("endReason of a machine that the provider lost = %q, want %q", got, EndLost)
	}
}
