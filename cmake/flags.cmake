# Warnings are errors for all of our code; hardening is on in every build type.
add_compile_options(-Wall -Wextra -Wconversion -Wshadow -Wvla -Wstrict-prototypes -Werror
                    -Wno-missing-field-initializers
                    -fno-omit-frame-pointer -fno-strict-aliasing -march=x86-64-v2 -mtune=generic)
add_link_options(-Wl,-z,relro,-z,now)
if(CMAKE_C_COMPILER_ID STREQUAL "GNU" AND CMAKE_BUILD_TYPE STREQUAL "Debug")
    add_compile_options(-Wno-maybe-uninitialized)
endif()
if(CMAKE_BUILD_TYPE STREQUAL "Release")
    set(CMAKE_C_FLAGS_RELEASE "-O2 -g1 -fstack-protector-strong -D_FORTIFY_SOURCE=2")
endif()
if(CBCOS_SANITIZE)
    add_compile_options(-fsanitize=${CBCOS_SANITIZE} -fno-sanitize-recover=all)
    add_link_options(-fsanitize=${CBCOS_SANITIZE})
    if(CMAKE_C_COMPILER_ID STREQUAL "GNU")
        # gcc's flow warnings are not reliable on instrumented code.
        add_compile_options(-Wno-maybe-uninitialized -Wno-stringop-overflow -Wno-stringop-overread
                            -Wno-array-bounds -Wno-format-truncation -Wno-conversion)
    endif()
endif()
if(CBCOS_FUZZ)
    add_compile_options(-fsanitize=fuzzer-no-link)
endif()
add_compile_definitions(_GNU_SOURCE)
include_directories(${CMAKE_SOURCE_DIR}/src)
