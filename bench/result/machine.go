package result

import "ceiling/internal/machine"

// The parts of results.json that tell of the machine itself.
type (
	System        = machine.System
	DeviceInfo    = machine.DeviceInfo
	Card          = machine.Card
	Energy        = machine.Energy
	EnergyGroup   = machine.EnergyGroup
	DeviceEnergy  = machine.DeviceEnergy
	TelemetryInfo = machine.TelemetryInfo
	Disturbance   = machine.Disturbance
	ThreadLoad    = machine.ThreadLoad
	Quota         = machine.Quota
)

// Kinds of devices whose power is sampled, and ways to an energy.
const (
	EnergyGPU         = machine.EnergyGPU
	EnergyCPU         = machine.EnergyCPU
	EnergyByCounter   = machine.EnergyByCounter
	EnergyByTrapezoid = machine.EnergyByTrapezoid
)
