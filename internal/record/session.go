package record

import (
	"context"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/store"
)

// login is a row of the dashboard's log-ins: it means something by being there, until it expires. Its key is the digest of a
// secret that only a browser has.
type login struct {
	Until time.Time `json:"until"`
}

func offerKey(digest string) store.Key { return store.Key{Partition: "login/" + digest, Sort: "login"} }

func sessionKey(digest string) store.Key {
	return store.Key{Partition: "session/" + digest, Sort: "session"}
}

// OfferLogin keeps the digest of a one-time token, which whoever has it can turn into a session until then.
func (r *Records) OfferLogin(ctx context.Context, digest string, until time.Time) error {
	row := store.Row{Key: offerKey(digest), Value: encode(login{until}), Expires: until}
	return r.Commit(ctx, []store.Write{store.Put(row, store.Absent())})
}

// RedeemLogin uses a one-time token up and begins a session. ok is false if there is no such token any more: of several
// callers with one token, whichever replicas they ask, one gets a session.
func (r *Records) RedeemLogin(ctx context.Context, token, session string, now, until time.Time) (ok bool, err error) {
	offer, err := get[login](ctx, r, offerKey(token))
	if err != nil || !offer.Exists() || !now.Before(offer.V.Until) {
		return false, err
	}
	row := store.Row{Key: sessionKey(session), Value: encode(login{until}), Expires: until}
	err = r.Commit(ctx, []store.Write{store.Delete(offerKey(token), store.At(offer.Version)), store.Put(row, store.Absent())})
	if store.IsConflict(err) {
		return false, nil
	}
	return err == nil, err
}

// SessionUntil returns until when a session lives; zero if there is none.
func (r *Records) SessionUntil(ctx context.Context, digest string) (time.Time, error) {
	s, err := get[login](ctx, r, sessionKey(digest))
	return s.V.Until, err
}

// EndSession forgets a session.
func (r *Records) EndSession(ctx context.Context, digest string) error {
	return r.Commit(ctx, []store.Write{store.Delete(sessionKey(digest), store.Any())})
}
