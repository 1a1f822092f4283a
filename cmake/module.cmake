# bc_module(<name> [LIBS target...] [TEST_LIBS target...] [PROTO file...])
#
# Builds the library bc_<name> from every *.c of the folder, except:
#   test_*.c   one cmocka program each, run by ctest as <name>/<file>
#   fuzz_*.c   one libFuzzer harness each (CBCOS_FUZZ), or a corpus replayer run by ctest
#   bench_*.c  one program each, built, not run
# The corpus of fuzz_x.c is the folder corpus_x beside it.
function(bc_module name)
    cmake_parse_arguments(M "" "" "LIBS;TEST_LIBS;PROTO" ${ARGN})
    file(GLOB all CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*.c)
    set(srcs ${all})
    list(FILTER srcs EXCLUDE REGEX "/(test|fuzz|bench)_[^/]*\\.c$")
    set(gen_srcs)
    foreach(proto IN LISTS M_PROTO)
        get_filename_component(stem ${proto} NAME_WE)
        set(out ${CMAKE_CURRENT_BINARY_DIR}/${stem}.pb-c)
        add_custom_command(OUTPUT ${out}.c ${out}.h
            COMMAND ${PROTOC_C} --c_out=${CMAKE_CURRENT_BINARY_DIR}
                    -I${CMAKE_CURRENT_SOURCE_DIR} ${CMAKE_CURRENT_SOURCE_DIR}/${proto}
            DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/${proto})
        set_source_files_properties(${out}.c PROPERTIES COMPILE_OPTIONS "-w")
        list(APPEND gen_srcs ${out}.c)
    endforeach()
    if(srcs OR gen_srcs)
        add_library(bc_${name} STATIC ${srcs} ${gen_srcs})
        target_include_directories(bc_${name} PUBLIC ${CMAKE_CURRENT_BINARY_DIR})
        target_link_libraries(bc_${name} PUBLIC ${M_LIBS})
    else()
        add_library(bc_${name} INTERFACE)
        target_link_libraries(bc_${name} INTERFACE ${M_LIBS})
    endif()
    foreach(src IN LISTS all)
        get_filename_component(stem ${src} NAME_WE)
        if(stem MATCHES "^test_")
            add_executable(${name}.${stem} ${src})
            target_link_libraries(${name}.${stem} PRIVATE bc_${name} ${M_TEST_LIBS} PkgConfig::CMOCKA)
            add_test(NAME ${name}/${stem} COMMAND ${name}.${stem}
                     WORKING_DIRECTORY ${CMAKE_SOURCE_DIR})
            set_tests_properties(${name}/${stem} PROPERTIES TIMEOUT 300)
        elseif(stem MATCHES "^fuzz_")
            add_executable(${name}.${stem} ${src})
            target_link_libraries(${name}.${stem} PRIVATE bc_${name} ${M_TEST_LIBS})
            string(REGEX REPLACE "^fuzz_" "corpus_" corpus ${stem})
            if(CBCOS_FUZZ)
                target_link_options(${name}.${stem} PRIVATE -fsanitize=fuzzer)
            else()
                target_sources(${name}.${stem} PRIVATE ${CMAKE_SOURCE_DIR}/tests/fuzz/replay.c)
                add_test(NAME ${name}/${stem} COMMAND ${name}.${stem}
                         ${CMAKE_CURRENT_SOURCE_DIR}/${corpus})
            endif()
        elseif(stem MATCHES "^bench_") # with the allocator of the product
            add_executable(${name}.${stem} ${src})
            target_link_libraries(${name}.${stem} PRIVATE bc_${name} ${M_TEST_LIBS})
            if(TARGET PkgConfig::JEMALLOC)
                target_sources(${name}.${stem} PRIVATE ${CMAKE_SOURCE_DIR}/apps/cbcos/memory.c)
                target_link_libraries(${name}.${stem} PRIVATE PkgConfig::JEMALLOC)
            endif()
        endif()
    endforeach()
endfunction()

# bc_program(<name> LIBS target...): an executable from every *.c of the folder.
function(bc_program name)
    cmake_parse_arguments(M "" "" "LIBS" ${ARGN})
    file(GLOB srcs CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*.c)
    list(FILTER srcs EXCLUDE REGEX "/(test|fuzz|bench)_[^/]*\\.c$")
    add_executable(${name} ${srcs})
    target_link_libraries(${name} PRIVATE ${M_LIBS})
    set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bin)
endfunction()
