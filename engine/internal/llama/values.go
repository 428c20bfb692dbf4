package llama

// #include "shim.h"
import "C"

// What values can be stored as.
const (
	TypeF32  = C.GGML_TYPE_F32
	TypeF16  = C.GGML_TYPE_F16
	TypeBF16 = C.GGML_TYPE_BF16
	TypeQ80  = C.GGML_TYPE_Q8_0
	TypeQ51  = C.GGML_TYPE_Q5_1
	TypeQ50  = C.GGML_TYPE_Q5_0
	TypeQ41  = C.GGML_TYPE_Q4_1
	TypeQ40  = C.GGML_TYPE_Q4_0
)

// Kinds of devices.
const (
	DeviceCPU   = C.GGML_BACKEND_DEVICE_TYPE_CPU
	DeviceGPU   = C.GGML_BACKEND_DEVICE_TYPE_GPU
	DeviceIGPU  = C.GGML_BACKEND_DEVICE_TYPE_IGPU
	DeviceAccel = C.GGML_BACKEND_DEVICE_TYPE_ACCEL
)

const (
	// NoLogits is Step's code when the engine gave no logits for a wanted token.
	NoLogits = C.CEIL_NO_LOGITS
	// NaNLogits is Step's code when one of a wanted token's logits is NaN.
	NaNLogits = C.CEIL_NAN_LOGITS
	// BadToken is Step's code when the back end's sampler gave no id of the
	// vocabulary.
	BadToken = C.CEIL_BAD_TOKEN
	// FlatLogits is CheckLogits' code when all logits are equal.
	FlatLogits = C.CEIL_FLAT_LOGITS
	// NoDrafts is Step's and Draft's code when the draft side could not compute.
	NoDrafts = C.CEIL_NO_DRAFTS
	// NoToken is a draw's code when no token may follow.
	NoToken = C.CEIL_NO_TOKEN
)
