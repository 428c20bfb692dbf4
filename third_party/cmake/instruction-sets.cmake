# Which instruction sets the CPU backend may use: those that were seen to run.
#
# Never taken from cpuid alone. Some virtual machines advertise AMX and fault at
# its first instruction, so each set is compiled and executed here.
#
#   ceiling_probe_instruction_sets()
#
# sets in the caller's scope
#   CEILING_ISA_ON        names that run, in order: SSE42;AVX;…
#   CEILING_ISA_OFF       "NAME: reason" for the others
#   CEILING_ISA_SETTINGS  GGML_* settings, as NAME=VALUE
# CEILING_PLANT_FAULT lists sets whose probe executes an illegal instruction; it
# is how the tests see that a fault is caught.

set(CEILING_PROBE_DIR "${CMAKE_CURRENT_LIST_DIR}/../probes")

# Runs one probe; leaves "" in `out` if the set runs, else the reason it is off.
# The answer is kept until the probe, its flags or the plant change.
function(_ceiling_probe name source flags out)
    set(defines -DPROBE_${name})
    if(name IN_LIST CEILING_PLANT_FAULT)
        list(APPEND defines -DPROBE_PLANT_FAULT)
    endif()
    file(SHA256 "${CEILING_PROBE_DIR}/${source}" key)
    string(SHA256 key "${key} ${defines} ${flags}")
    if(NOT CEILING_PROBE_${name} MATCHES "^${key} ")
        # Optimised, as the real code will be.
        try_run(ran compiled
            "${CMAKE_BINARY_DIR}/probes/${name}" "${CEILING_PROBE_DIR}/${source}"
            COMPILE_DEFINITIONS ${defines} -O2 ${flags})
        if(NOT compiled)
            set(reason "this compiler cannot build it")
        elseif(ran STREQUAL "0")
            set(reason "")
        elseif(ran STREQUAL "10")
            set(reason "not advertised")
        elseif(ran STREQUAL "11")
            set(reason "advertised, but the kernel refuses it")
        elseif(ran STREQUAL "14")
            set(reason "advertised, but computes a wrong result")
        else()
            set(reason "advertised, but faults")
        endif()
        unset(ran CACHE)
        unset(compiled CACHE)
        set(CEILING_PROBE_${name} "${key} ${reason}" CACHE INTERNAL "why ${name} is off")
    endif()
    string(REGEX REPLACE "^[0-9a-f]+ " "" reason "${CEILING_PROBE_${name}}")
    set(${out} "${reason}" PARENT_SCOPE)
endfunction()

# The flags are those that llama.cpp gives to the compiler for each set, with
# the sets it builds on.
function(_ceiling_probe_x86)
    set(avx512 -mavx512f -mavx512cd -mavx512vl -mavx512dq -mavx512bw -mfma)
    set(flags_SSE42 -msse4.2)
    set(flags_AVX -mavx)
    set(flags_F16C -mavx -mf16c)
    set(flags_FMA -mavx -mfma)
    set(flags_BMI2 -mbmi2)
    set(flags_AVX2 -mavx2)
    set(flags_AVX_VNNI -mavx2 -mavxvnni)
    set(flags_AVX512 ${avx512})
    set(flags_AVX512_VBMI ${avx512} -mavx512vbmi)
    set(flags_AVX512_VNNI ${avx512} -mavx512vnni)
    set(flags_AVX512_BF16 ${avx512} -mavx512bf16)
    set(flags_AMX_TILE -mamx-tile)
    set(flags_AMX_INT8 -mamx-tile -mamx-int8)
    set(flags_AMX_BF16 -mamx-tile -mamx-bf16)
    set(needs_AVX SSE42)
    set(needs_F16C AVX)
    set(needs_FMA AVX)
    set(needs_AVX2 AVX)
    set(needs_AVX_VNNI AVX2)
    set(needs_AVX512 AVX2 FMA F16C)
    set(needs_AVX512_VBMI AVX512)
    set(needs_AVX512_VNNI AVX512)
    set(needs_AVX512_BF16 AVX512)
    set(needs_AMX_TILE AVX512_VNNI)
    set(needs_AMX_INT8 AMX_TILE)
    set(needs_AMX_BF16 AMX_TILE)
    foreach(name SSE42 AVX F16C FMA BMI2 AVX2 AVX_VNNI
                 AVX512 AVX512_VBMI AVX512_VNNI AVX512_BF16
                 AMX_TILE AMX_INT8 AMX_BF16)
        _ceiling_probe(${name} isa.c "${flags_${name}}" reason)
        # A compiler flag brings the sets below it along, and AMX kernels are
        # written over AVX-512 VNNI ones.
        foreach(base IN LISTS needs_${name})
            if(NOT reason AND NOT base IN_LIST on)
                set(reason "needs ${base}")
            endif()
        endforeach()
        if(reason)
            list(APPEND off "${name}: ${reason}")
            list(APPEND settings "GGML_${name}=OFF")
        else()
            list(APPEND on ${name})
            list(APPEND settings "GGML_${name}=ON")
        endif()
    endforeach()
    set(CEILING_ISA_ON "${on}" PARENT_SCOPE)
    set(CEILING_ISA_OFF "${off}" PARENT_SCOPE)
    set(CEILING_ISA_SETTINGS "${settings}" PARENT_SCOPE)
endfunction()

# ARM has one switch, the -march string: the parts that run are appended to it.
function(_ceiling_probe_arm)
    set(base armv8-a)
    foreach(part DOTPROD:+dotprod FP16:+fp16 I8MM:+i8mm SVE:+sve)
        string(REPLACE ":" ";" part "${part}")
        list(GET part 0 name)
        list(GET part 1 tag)
        # All four are optional from armv8.2 on. The later bases would switch
        # on more than was probed.
        _ceiling_probe(${name} arm.c "-march=armv8.2-a${tag}" reason)
        if(reason)
            list(APPEND off "${name}: ${reason}")
        else()
            list(APPEND on ${name})
            set(base armv8.2-a)
            string(APPEND tags "${tag}")
        endif()
    endforeach()
    set(CEILING_ISA_ON "${on}" PARENT_SCOPE)
    set(CEILING_ISA_OFF "${off}" PARENT_SCOPE)
    set(CEILING_ISA_SETTINGS "GGML_CPU_ARM_ARCH=${base}${tags}" PARENT_SCOPE)
endfunction()

function(ceiling_probe_instruction_sets)
    if(CMAKE_SYSTEM_PROCESSOR MATCHES "^(x86_64|AMD64|amd64|i686)$")
        _ceiling_probe_x86()
    elseif(CMAKE_SYSTEM_PROCESSOR MATCHES "^(aarch64|arm64)$")
        _ceiling_probe_arm()
    else()
        set(CEILING_ISA_OFF "all: no probe for ${CMAKE_SYSTEM_PROCESSOR}")
    endif()
    foreach(v CEILING_ISA_ON CEILING_ISA_OFF CEILING_ISA_SETTINGS)
        set(${v} "${${v}}" PARENT_SCOPE)
    endforeach()
endfunction()
