package shape

import "regexp"

// The formats that a pattern describes.
var (
	Email = regexp.MustCompile(`^[A-Za-z0-9._%+'-]{1,64}@([A-Za-z0-9][A-Za-z0-9-]{0,62}\.)+[A-Za-z]{2,24}$`)
	UUID  = regexp.MustCompile(`^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$`)
	MAC   = regexp.MustCompile(`^([0-9a-fA-F]{2}[:-]){5}[0-9a-fA-F]{2}$`)
	SSN   = regexp.MustCompile(`^[0-9]{3}-[0-9]{2}-[0-9]{4}$`)
)
